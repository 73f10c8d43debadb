"""A worker's connection to the server."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

from ._gen.polos.v1 import worker_service_pb2 as pb
from .api_errors import (
    AccessDeniedError,
    InvalidArgumentError,
    LeaseLostError,
    LimitExceededError,
    NotFoundError,
    PolosApiError,
)
from .methods import REGISTER_WORKER
from .retry import retry_delay
from .status import from_status
from .time import duration_seconds
from .transport import Transport, is_connection_trouble
from .work_session import WorkSession

_RECONNECT_DELAYS = (0.1, 1.0)
"""How fast the worker connects again: the first and the longest delay, in seconds."""

LEASE_SECONDS_DEFAULT = 30.0
"""How long a lease lasts until the server says otherwise."""

_CLOSE_SECONDS = 1.0
"""How long the server may take to close a stream that this side has ended."""


_LeaseKey: TypeAlias = tuple[str, int]
"""An execution, and an epoch of it."""

_RELEASED_MAX = 10_000
"""Lost leases that one message names."""


@dataclass(frozen=True)
class WorkerLinkListener:
    """What a link tells its worker, and asks of it. Nothing of it waits."""

    registered: Callable[[pb.RegisterWorkerResponse], None]
    """The server knows the worker (again): its id, limits and lease duration."""
    opened: Callable[[], None]
    """The stream is open, for the first time or again."""
    assigned: Callable[[pb.Assignment], None]
    """An execution is to be run."""
    noticed: Callable[[pb.WorkResponse.Notice], None]
    """There is news of an execution."""
    leases_extended: Callable[[Sequence[pb.LeaseReport], float], None]
    """A heartbeat was answered that was sent then (time.monotonic)."""
    free_slots: Callable[[], int]
    """How many more executions the worker takes now."""
    leases: Callable[[], list[pb.Lease]]
    """The leases it holds."""


class WorkerLink:
    """Registers, keeps a Work stream open, and connects again when it breaks.

    Completions that were not answered are sent again, unchanged. Leases outlive the stream, so that executions go on
    meanwhile.
    """

    def __init__(
        self,
        transport: Transport,
        registration: pb.RegisterWorkerRequest,
        listener: WorkerLinkListener,
        logger: logging.Logger,
    ) -> None:
        """Connects to nothing yet."""
        self._transport = transport
        self._registration = registration
        self._listener = listener
        self._logger = logger
        self._calls: dict[int, tuple[pb.CompleteStepRequest, asyncio.Future[pb.CompleteStepResponse]]] = {}
        self._stopped = asyncio.Event()
        self._last_call_id = 0
        self._worker_id: str | None = None
        self._session: WorkSession | None = None
        self._is_welcome = False
        self._is_server_draining = False
        self._is_draining = False
        self._is_absence_reported = False
        self._credits = 0
        self._heartbeat: asyncio.TimerHandle | None = None
        # The heartbeats of this stream that are not answered yet: when they were sent, and the lost leases that they named.
        # Answers come in order.
        self._heartbeats: deque[tuple[float, list[_LeaseKey]]] = deque()
        # Lost leases under which nothing runs any more, until the server has taken note of them.
        self._released: dict[_LeaseKey, pb.Lease] = {}
        self._is_releasing = False
        self._lease_seconds = LEASE_SECONDS_DEFAULT

    async def run(self) -> None:
        """Stays connected until `close`. A server that cannot be reached is waited for.

        Raises AccessDeniedError, InvalidArgumentError and the like: what waiting cannot help.
        """
        failures = 0
        while not self._stopped.is_set():
            reason: Exception | None
            try:
                if self._worker_id is None:
                    self._worker_id = await self._register()
                reason = await self._serve(self._worker_id)
            except PolosApiError as error:
                reason = error
            if self._stopped.is_set():
                return
            if isinstance(reason, NotFoundError):
                self._worker_id = None
            elif reason is not None and _is_hopeless(reason):
                raise reason
            failures = 0 if self._is_welcome else failures + 1
            if reason is not None and not self._is_absence_reported:
                self._is_absence_reported = True
                self._logger.warning("%s; waiting for the server", reason)
            self._is_welcome = False
            await self._pause(retry_delay(*_RECONNECT_DELAYS, failures, random.random()))

    async def complete(self, request: pb.CompleteStepRequest) -> pb.CompleteStepResponse:
        """Sends a completion and waits for its answer, over breaks of the connection too.

        Raises PolosError: the typed error of the answer.
        """
        if self._stopped.is_set():
            raise LeaseLostError("the worker has stopped")
        self._last_call_id += 1
        call_id = self._last_call_id
        answer: asyncio.Future[pb.CompleteStepResponse] = asyncio.get_running_loop().create_future()
        # An error that nobody is left to hear is no news.
        answer.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._calls[call_id] = (request, answer)
        if self._is_welcome:
            self._send_call(call_id, request)
        try:
            return await answer
        finally:
            self._calls.pop(call_id, None)

    def forget(self, execution_id: str) -> None:
        """Gives up completions of an execution whose lease is over."""
        for request, answer in self._calls.values():
            if request.lease.execution_id == execution_id and not answer.done():
                answer.set_exception(LeaseLostError(f"the lease of execution {execution_id} is over"))

    def release(self, lease: pb.Lease) -> None:
        """Says that nothing runs under a lost lease any more: now, and again until the server has answered."""
        self._released[lease.execution_id, lease.epoch] = lease
        if not self._is_releasing:
            self._is_releasing = True
            asyncio.get_running_loop().call_soon(self._send_released)

    def grant(self) -> None:
        """Lets the server send one more execution."""
        self._end_if_drained()
        if not self._is_welcome or self._is_draining:
            return
        self._credits += 1
        if self._credits == 1:
            asyncio.get_running_loop().call_soon(self._send_credits)

    def drain(self) -> None:
        """Asks for no more executions."""
        self._is_draining = True
        if self._session is not None:
            self._session.send(pb.WorkRequest(drain=pb.WorkRequest.Drain()))

    def close(self) -> None:
        """Ends the stream and gives up what is not answered."""
        self._stopped.set()
        for _, answer in self._calls.values():
            if not answer.done():
                answer.set_exception(LeaseLostError("the worker has stopped"))
        session = self._session
        if session is not None:
            session.end()
            # The server closes too when it has answered; a server that does not must not keep the process.
            asyncio.get_running_loop().call_later(_CLOSE_SECONDS, session.cancel)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopped.wait(), seconds)
        except (TimeoutError, asyncio.TimeoutError):
            return

    async def _register(self) -> str:
        answer = await self._transport.call(REGISTER_WORKER, self._registration, repeatable=False)
        if answer.HasField("lease_duration"):
            self._lease_seconds = duration_seconds(answer.lease_duration)
        self._listener.registered(answer)
        return answer.worker_id

    async def _serve(self, worker_id: str) -> Exception | None:
        """Holds one stream. Returns why it ended."""
        self._is_server_draining = False
        session = WorkSession(self._transport, worker_id, self._receive)
        self._session = session
        try:
            return await session.run()
        finally:
            self._session = None
            if self._heartbeat is not None:
                self._heartbeat.cancel()

    def _receive(self, message: pb.WorkResponse) -> None:
        case = message.WhichOneof("message")
        if case == "welcome":
            self._open()
        elif case == "assignment":
            self._listener.assigned(message.assignment)
        elif case == "completed":
            self._settle(message.completed)
        elif case == "leases_extended":
            self._note_extended(message.leases_extended.reports)
        elif case == "notice":
            self._listener.noticed(message.notice)
        elif case == "drain":
            self._is_server_draining = True
            self._end_if_drained()

    def _open(self) -> None:
        self._is_welcome = True
        self._is_absence_reported = False
        self._heartbeats.clear()
        self._beat()
        for call_id, (request, answer) in self._calls.items():
            if not answer.done():
                self._send_call(call_id, request)
        self._credits = 0 if self._is_draining else self._listener.free_slots()
        self._send_credits()
        self._listener.opened()

    def _send_credits(self) -> None:
        count, self._credits = self._credits, 0
        if count > 0 and not self._is_draining and self._session is not None:
            self._session.send(pb.WorkRequest(credits=pb.WorkRequest.Credits(count=count)))

    def _beat(self) -> None:
        """Extends the leases now and from time to time."""
        self._heartbeat = asyncio.get_running_loop().call_later(self._lease_seconds / 3, self._beat)
        self._extend(self._listener.leases())

    def _send_released(self) -> None:
        self._is_releasing = False
        if self._is_welcome:
            self._extend([])

    def _extend(self, leases: list[pb.Lease]) -> None:
        released = dict(islice(self._released.items(), _RELEASED_MAX))
        if not (leases or released) or self._worker_id is None or self._session is None:
            return
        self._heartbeats.append((time.monotonic(), list(released)))
        request = pb.ExtendLeasesRequest(worker_id=self._worker_id, leases=leases, released=released.values())
        self._session.send(pb.WorkRequest(extend_leases=request))

    def _note_extended(self, reports: Sequence[pb.LeaseReport]) -> None:
        sent_at, released = self._heartbeats.popleft() if self._heartbeats else (0.0, [])
        for key in released:
            self._released.pop(key, None)
        self._listener.leases_extended(reports, sent_at)

    def _send_call(self, call_id: int, request: pb.CompleteStepRequest) -> None:
        if self._session is not None:
            self._session.send(pb.WorkRequest(complete=pb.WorkRequest.Complete(call_id=call_id, request=request)))

    def _settle(self, completed: pb.WorkResponse.Completed) -> None:
        request_and_answer = self._calls.pop(completed.call_id, None)
        if request_and_answer is None:
            return
        answer = request_and_answer[1]
        if not answer.done():
            case = completed.WhichOneof("answer")
            if case == "response":
                answer.set_result(completed.response)
            elif case == "error":
                error = completed.error
                answer.set_exception(from_status(error.code, error.message, error.details))
            else:
                answer.set_exception(PolosApiError("INTERNAL", "the server answered a completion with nothing"))
        self._end_if_drained()

    def _end_if_drained(self) -> None:
        """After the server's drain: once nothing is held any more, this stream has done its work."""
        if self._is_server_draining and not self._calls and not self._listener.leases() and self._session is not None:
            self._session.end()


def _is_hopeless(reason: Exception) -> bool:
    """Whether no waiting makes it better."""
    if is_connection_trouble(reason):
        return False
    if isinstance(reason, (AccessDeniedError, InvalidArgumentError, LimitExceededError)):
        return True
    return isinstance(reason, PolosApiError) and reason.status == "UNIMPLEMENTED"
