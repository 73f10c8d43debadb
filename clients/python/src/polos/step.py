"""What steps give to code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .cancellation import Cancellation


@dataclass(frozen=True)
class StepAttempt:
    """What a step's function is told, by `step_attempt()`."""

    attempt: int
    """1 for the first."""
    signal: Cancellation
    """Is set when the execution is cancelled, the attempt times out, or this worker may no longer run the execution. Async
    functions are cancelled then besides (asyncio.CancelledError); others have to look."""
    heartbeat: Callable[[], None]
    """Says that the function is getting on: `heartbeat_timeout` begins anew. Costs next to nothing; nothing is sent. From any
    thread.

    Raises what set the signal (StepTimeoutError, WorkflowCancelledError, ..), so that a function that only calls this stops
    too; InvalidStepError once the function has ended."""


@dataclass(frozen=True)
class ChildHandle:
    """A child execution that nobody waits for."""

    id: str
    """The child's id."""
    workflow_id: str
    """Its workflow."""

    @property
    def execution_id(self) -> str:
        """The same as `id`."""
        return self.id
