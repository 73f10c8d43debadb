"""The steps of one execution that run here."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from .failure import to_failure
from .payload import to_payload
from .step_attempt import RunningAttempt, StepSurroundings
from .step_body import run_step
from .step_request import RunWork, StepOutcome, StepRequest, ValueWork


class StepRunner:
    """Carries out steps, and keeps their outcomes in the order in which they came."""

    def __init__(self, surroundings: StepSurroundings, ring: Callable[[], None]) -> None:
        """`ring` is called when an outcome has come."""
        self._surroundings = surroundings
        self._ring = ring
        self._finished: deque[StepOutcome] = deque()
        self._running: dict[str, RunningAttempt | None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def is_busy(self) -> bool:
        """Whether any function is running."""
        return bool(self._running)

    async def when_idle(self) -> None:
        """Returns once no function is running, in a thread neither."""
        await self._idle.wait()

    @property
    def has_finished(self) -> bool:
        """Whether an outcome can be taken."""
        return bool(self._finished)

    def start(self, request: StepRequest) -> None:
        """Begins a step."""
        work = request.work
        if isinstance(work, ValueWork):
            outcome = StepOutcome(request.key, request.kind, result=to_payload(work.make()), attempts=1)
            self._finished.append(outcome)
        elif isinstance(work, RunWork):
            self._running[request.key] = None
            self._idle.clear()
            task = asyncio.get_running_loop().create_task(self._run(request, work))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def take(self) -> StepOutcome | None:
        """Takes the outcome that came first."""
        return self._finished.popleft() if self._finished else None

    def cancel(self) -> None:
        """Cancels the functions that run."""
        for attempt in self._running.values():
            if attempt is not None:
                attempt.cancel()

    def cancel_step(self, request: StepRequest) -> None:
        """Cancels one step's function: it is not tried again."""
        attempt = self._running.get(request.key)
        if attempt is not None:
            attempt.cancel()

    async def _run(self, request: StepRequest, work: RunWork) -> None:
        def note(attempt: RunningAttempt) -> None:
            self._running[request.key] = attempt

        try:
            outcome = await run_step(request, work, self._surroundings, note)
        except Exception as bug:  # An execution must not wait for ever for what never comes.
            outcome = StepOutcome(request.key, request.kind, failure=to_failure(bug), attempts=1)
        finally:
            del self._running[request.key]
            if not self._running:
                self._idle.set()
            self._ring()
        self._finished.append(outcome)
