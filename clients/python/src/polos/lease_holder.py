"""One activation's completions under its lease."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Protocol

from ._gen.polos.v1.command_pb2 import Command
from ._gen.polos.v1.worker_service_pb2 import Assignment, CompleteStepRequest, CompleteStepResponse, Lease
from .api_errors import LeaseLostError, UnavailableError
from .cancellation import Cancellation
from .retry import pause, retry_delay

_BASE_DELAY, _MAX_DELAY = 0.1, 5.0
"""How fast a completion is sent again while the store is down, in seconds."""


_LOOK = 0.1
"""How often it is looked whether the lease is held again, in seconds."""


class CompletionPort(Protocol):
    """Carries completions to the server: over a Work stream, or in a test to a fake."""

    async def complete(self, request: CompleteStepRequest) -> CompleteStepResponse:
        """Sends a completion and waits for its answer, over breaks of the connection too: then it is sent again unchanged.

        Raises PolosError: the typed error of the answer.
        """
        ...


class LeaseHolder:
    """Sends completions under a lease, numbered without gaps. Points in time are of `time.monotonic`."""

    def __init__(self, port: CompletionPort, lease: Lease, lease_seconds: float, held_at: float | None = None) -> None:
        """`held_at`: when the lease came. Default: now."""
        self._port = port
        self._lease_seconds = lease_seconds
        self._lease = lease
        self._sequence = 0
        self._held_at = time.monotonic() if held_at is None else held_at

    @property
    def lease(self) -> Lease:
        """The lease."""
        return self._lease

    def renew(self, lease: Lease, held_at: float) -> None:
        """Goes on under a new lease of the same execution, which came at `held_at`."""
        self._lease = lease
        self._sequence = 0
        self._held_at = held_at

    def confirm(self, sent_at: float) -> None:
        """Takes note that the server said the lease is held, in answer to what was sent at `sent_at`."""
        self._held_at = max(self._held_at, sent_at)

    @property
    def is_surely_held(self) -> bool:
        """Whether nobody else can have the execution yet. A process that was stopped for a while finds an acknowledgement in
        its socket that is older than its lease; it must not start a function that another worker may have finished
        meanwhile. A completion leaves at least two thirds of the lease."""
        return time.monotonic() < self._held_at + self._lease_seconds * 2 / 3

    async def until_held(self, signal: Cancellation) -> bool:
        """Waits until the lease is surely held, which a heartbeat's answer says. Returns False as soon as the signal is set."""
        while not signal.is_set() and not self.is_surely_held:
            await pause(_LOOK, signal)
        return not signal.is_set()

    async def complete(self, commands: Sequence[Command], state_unsettled: bool) -> CompleteStepResponse:
        """Sends a completion. While the store is down the same one is sent again, until the lease is surely over. After a
        refusal nothing has happened, and the next completion takes the same number.

        Raises PolosError why it was refused; LeaseLostError once the lease is over.
        """
        request = CompleteStepRequest(
            lease=self._lease, sequence=self._sequence + 1, commands=commands, state_unsettled=state_unsettled
        )
        retry = 0
        while True:
            sent_at = time.monotonic()
            try:
                response = await self._port.complete(request)
            except UnavailableError as error:
                own_delay = retry_delay(_BASE_DELAY, _MAX_DELAY, retry, random.random())
                delay = own_delay if error.retry_delay is None else error.retry_delay
                if time.monotonic() + delay > self._held_at + 2 * self._lease_seconds:
                    raise LeaseLostError(f"the server could not commit within the lease: {error}") from error
                await asyncio.sleep(delay)
                retry += 1
                continue
            self._sequence = request.sequence
            self.confirm(sent_at)
            return response


def lease_of(assignment: Assignment) -> Lease:
    """The lease that an assignment comes with."""
    if not assignment.HasField("lease"):
        raise RuntimeError("the server sent an assignment without a lease")
    return assignment.lease
