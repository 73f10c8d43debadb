"""Children of a workflow that are started together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic

from pydantic import BaseModel
from typing_extensions import TypeVar

from .queue import Queue
from .workflow import Workflow

ResultT = TypeVar("ResultT", default=Any)


@dataclass(frozen=True)
class BatchWorkflowInput(Generic[ResultT]):
    """One child of a batch: its workflow, payload and options. Each may be of another workflow."""

    workflow: Workflow[Any, Any, ResultT] | str = ""
    """What to start: a workflow, or the id of one in any language."""
    payload: Any = None
    """A model, or plain JSON data. None: no value."""
    initial_state: BaseModel | Mapping[str, Any] | None = None
    """The state to start with; the child's defaults fill in the rest. None: nothing but those."""
    queue: str | Queue | None = None
    """The queue. None: the workflow's own."""
    concurrency_key: str | None = None
    """The key under which the queue's concurrency is limited."""
    run_timeout_seconds: float | None = None
    """How long it may run in all, waiting not counted. None: the workflow's own limit."""
    priority: int | None = None
    """Larger goes first, -100 to 100. None: 0."""
    id: str = ""
    """The workflow's id, as the public Polos SDK names it: the same as giving it as `workflow`, which wins."""

    def __post_init__(self) -> None:
        if self.workflow == "":
            object.__setattr__(self, "workflow", self.id)


@dataclass(frozen=True)
class BatchStepError:
    """Why a child of a batch did not complete."""

    type: str
    """The type of what its handler raised, "WorkflowCancelledError" or "WorkflowTimeoutError"."""
    message: str
    """Its message; cut short where many fail. The execution itself has the whole: `client.get_execution(execution_id)`."""


@dataclass(frozen=True)
class BatchStepResult(Generic[ResultT]):
    """What one child of a batch came to."""

    workflow_id: str
    execution_id: str
    success: bool
    """Whether the child completed."""
    result: ResultT | None
    """What its handler returned; None for no value, and for a child that did not complete."""
    error: BatchStepError | None
    """Why it did not complete; None if it did."""
