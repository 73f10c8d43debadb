"""Where the running code belongs."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .state.state_document import StateDocument, StateDraft

if TYPE_CHECKING:
    from .step import StepAttempt


class StepScope:
    """One attempt of a step's function: its key, and its copy of the state once it has asked for it."""

    def __init__(self, key: str, document: StateDocument, attempt: StepAttempt) -> None:
        """Made on the thread of the event loop that the handler runs on."""
        self.key = key
        self.attempt = attempt
        self._document = document
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._draft: StateDraft | None = None

    @property
    def used_draft(self) -> StateDraft | None:
        """The copy, if the function has used the state."""
        return self._draft

    @property
    def draft(self) -> StateDraft:
        """The copy that the function works on; made at first use, always on the event loop's thread, because the handler
        changes the document there."""
        if self._draft is None:
            if threading.get_ident() == self._thread:
                self._draft = self._document.draft()
            else:
                self._draft = asyncio.run_coroutine_threadsafe(self._make_draft(), self._loop).result()
        return self._draft

    async def _make_draft(self) -> StateDraft:
        return self._draft or self._document.draft()


@dataclass(frozen=True)
class Scope:
    """Where code belongs: to a handler, and perhaps to the function of one of its steps."""

    owner: object
    """The activation that runs it."""
    execution_id: str
    step: StepScope | None = None


current_scope: ContextVar[Scope | None] = ContextVar("polos_scope", default=None)
"""The scope of the running code. None outside of workflows."""


def assert_outside_workflow(what: str, instead: str) -> None:
    """Refuses what must not be done inside a workflow, because a replay would do it again.

    Raises RuntimeError naming the step method to use instead.
    """
    if current_scope.get() is not None:
        raise RuntimeError(f"{what} cannot be called from within a workflow. Use {instead} instead.")


def step_attempt() -> StepAttempt:
    """What a step's function is told: which attempt it is, its signal and its heartbeat. Call it in that function.

    Raises RuntimeError elsewhere.
    """
    scope = current_scope.get()
    if scope is None or scope.step is None:
        raise RuntimeError("step_attempt() can be called in the function of a step only")
    return scope.step.attempt
