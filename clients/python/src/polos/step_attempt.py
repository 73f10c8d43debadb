"""One attempt of a step's function."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from dataclasses import dataclass
from typing import Any, NamedTuple

from .cancellation import Cancellation
from .errors import InvalidStepError, StepTimeoutError
from .scope import Scope, StepScope, current_scope
from .state.state_document import StateDocument, StateDraft
from .step import StepAttempt
from .step_request import RunWork
from .threads import call_in_thread


@dataclass(frozen=True)
class StepSurroundings:
    """What a step's function runs in."""

    owner: object
    """The activation."""
    execution_id: str
    document: StateDocument
    signal: Cancellation
    """Is set when the execution is cancelled or lost: then no further attempt begins."""
    payload_bytes_max: int
    """Bytes of a result."""
    pause: Callable[[float, Cancellation], Awaitable[bool]]
    """Waits before the next attempt."""
    until_held: Callable[[Cancellation], Awaitable[bool]]
    """Waits until the lease is surely held, as the next attempt wants: another worker may have recorded the step. Returns False
    as soon as the signal is set."""


class AttemptEnd(NamedTuple):
    """How an attempt ended. An error is a value here, because not each can be raised into other code without ending that."""

    value: Any = None
    """What the function returned."""
    error: BaseException | None = None
    """What it raised, or a StepTimeoutError."""


class RunningAttempt:
    """One call of a step's function, and how long it may take."""

    def __init__(self, key: str, attempt: int, work: RunWork, surroundings: StepSurroundings) -> None:
        """Begins it."""
        self._key = key
        self._work = work
        self._leader = surroundings.signal
        self._signal = Cancellation()
        self._signal.follow(self._leader)
        self._loop = asyncio.get_running_loop()
        self._end: asyncio.Future[AttemptEnd] = self._loop.create_future()
        self._is_in_thread = False
        self._whole = self._begin_limit(work.timeout, "took longer than")
        self._silence = self._begin_limit(work.heartbeat_timeout, "gave no heartbeat for")
        self._scope = StepScope(key, surroundings.document, StepAttempt(attempt, self._signal, self._heartbeat))
        scope = Scope(surroundings.owner, surroundings.execution_id, self._scope)
        self._task = _create_task(work.context, scope, self._call())
        self._task.add_done_callback(self._note_end)

    @property
    def used_draft(self) -> StateDraft | None:
        """Its copy of the state, if it has used one."""
        return self._scope.used_draft

    async def end(self) -> AttemptEnd:
        """Waits for the function. Once a limit has passed the attempt has failed, whatever the function still does."""
        return await self._end

    def cancel(self) -> None:
        """Cancels the function if it is async. In a thread it can only look at its signal."""
        if not self._is_in_thread:
            self._task.cancel()

    async def _call(self) -> Any:
        if self._work.is_async:
            return await self._work.call()
        self._is_in_thread = True
        try:
            value = await call_in_thread(self._work.call)
        finally:
            self._is_in_thread = False
        return await value if hasattr(value, "__await__") else value

    def _begin_limit(self, seconds: float | None, excess: str) -> asyncio.TimerHandle | None:
        if seconds is None:
            return None
        return self._loop.call_later(seconds, self._fail, StepTimeoutError(self._key, seconds, excess))

    def _fail(self, error: StepTimeoutError) -> None:
        if self._end.done():
            return
        self._end.set_result(AttemptEnd(error=error))
        self._close()
        self._signal.set(error)
        self._task.cancel()

    def _heartbeat(self) -> None:
        self._signal.raise_if_set()
        if self._end.done():
            raise InvalidStepError(f'a heartbeat came from an attempt of step "{self._key}" that is over')
        if self._silence is not None:
            self._loop.call_soon_threadsafe(self._restart_silence)

    def _restart_silence(self) -> None:
        if self._silence is not None and not self._end.done():
            self._silence.cancel()
            self._silence = self._begin_limit(self._work.heartbeat_timeout, "gave no heartbeat for")

    def _note_end(self, task: asyncio.Task[Any]) -> None:
        error: BaseException | None = asyncio.CancelledError() if task.cancelled() else task.exception()
        if self._end.done():
            return
        self._end.set_result(AttemptEnd(error=error) if error is not None else AttemptEnd(task.result()))
        self._close()

    def _close(self) -> None:
        for timer in (self._whole, self._silence):
            if timer is not None:
                timer.cancel()
        self._signal.unfollow(self._leader)


def _create_task(context: Context, scope: Scope, call: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """A task in a copy of the context in which the code asked for the step."""

    def create() -> asyncio.Task[Any]:
        current_scope.set(scope)
        return asyncio.get_running_loop().create_task(call)

    return context.copy().run(create)
