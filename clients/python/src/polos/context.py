"""What a workflow's handler is given."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic

from typing_extensions import TypeVar

from ._gen.polos.v1.execution_pb2 import Execution
from .cancellation import Cancellation
from .scope import current_scope
from .state.state_document import StateDocument, StateDraft
from .steps import Steps
from .time import to_datetime

StateT = TypeVar("StateT", default=Any)


class WorkflowContext(Generic[StateT]):
    """What a workflow's handler is given: who it is, its state and its steps. `WorkflowContext[MyState]` says what
    `ctx.state` is to a type checker; without a state schema it is a dict."""

    def __init__(
        self,
        execution: Execution,
        *,
        owner: object,
        document: StateDocument,
        step: Steps,
        cancel_event: Cancellation,
        deployment_id: str | None,
    ) -> None:
        """For the SDK."""
        self._owner = owner
        self._document = document
        self.workflow_id: str = execution.workflow_id
        """The workflow's id."""
        self.execution_id: str = execution.id
        """This execution's id, a UUID in lower case."""
        self.deployment_id: str | None = execution.deployment_id or deployment_id
        """The deployment that the caller asked for, or else the worker's; None for none."""
        self.session_id: str = execution.session_id
        """The session: the caller's, the parent's, or a fresh UUID."""
        self.user_id: str | None = execution.user_id or None
        """The user on whose behalf it runs, if the caller said."""
        self.parent_execution_id: str | None = execution.parent_execution_id or None
        """The execution that started this one, if one did."""
        self.root_execution_id: str = execution.root_execution_id
        """The topmost execution of the tree; this one's id if nothing started it."""
        self.root_workflow_id: str = execution.root_workflow_id
        """The workflow of the topmost execution."""
        self.retry_count: int = execution.failed_attempts
        """How many attempts of this handler have failed before this one."""
        self.created_at: datetime = to_datetime(execution.create_time)
        """When the execution was invoked, in UTC."""
        self.cancel_event = cancel_event
        """Is set when the execution is cancelled, or when this worker may no longer run it."""
        self.step = step
        """Durable steps."""

    @property
    def state(self) -> StateT:
        """The execution's own JSON document, durable at every step. Change it in place or assign another value. Within a
        step's function it is a private copy, whose changes count once the step has succeeded.

        Raises StateValidationError for an assignment that does not fit; in a step's function, if JSON cannot hold the state.
        """
        state: StateT = self._holder().current
        return state

    @state.setter
    def state(self, value: StateT) -> None:
        self._holder().assign(value)

    def _holder(self) -> StateDocument | StateDraft:
        """Within a step's function its copy, elsewhere the document itself."""
        scope = current_scope.get()
        if scope is not None and scope.owner is self._owner and scope.step is not None:
            return scope.step.draft
        return self._document
