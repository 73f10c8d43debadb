"""Children to start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from ._gen.polos.v1.command_pb2 import ChildrenStarted, ChildStarted, Command
from .errors import InvalidStepError
from .message import to_message
from .queue import Queue, queue_name
from .time import to_optional_duration
from .workflow import Workflow
from .workflow_target import WorkflowTarget
from .workflow_values import write_initial_state, write_start_payload


@dataclass(frozen=True)
class ChildOptions:
    """How a child is started."""

    initial_state: BaseModel | Mapping[str, Any] | None = None
    queue: str | Queue | None = None
    concurrency_key: str | None = None
    run_timeout_seconds: float | None = None
    priority: int | None = None


def child_command(key: str, workflow: WorkflowTarget, payload: Any, options: ChildOptions, *, wait: bool) -> Command:
    """Makes the command that starts a child. What the child would refuse is refused here, as far as the workflow's schemas
    are known; the server and the child's worker check again.

    Raises SerializationError, PayloadSizeError, PayloadValidationError, StateValidationError, StateSizeError; InvalidStepError
    for what the protocol cannot hold.
    """
    child = to_child(f'step "{key}"', workflow, payload, options)
    return Command(
        child_started=ChildStarted(
            step_key=key,
            wait=wait,
            workflow_id=child.workflow_id,
            payload=child.payload if child.HasField("payload") else None,
            initial_state=child.initial_state,
            queue=child.queue,
            concurrency_key=child.concurrency_key,
            priority=child.priority,
            run_timeout=child.run_timeout if child.HasField("run_timeout") else None,
        )
    )


def to_child(what: str, workflow: WorkflowTarget, payload: Any, options: ChildOptions) -> ChildrenStarted.Child:
    """The fields of a child, checked.

    `what`: whose payload and state they are, for errors. Raises as `child_command`.
    """
    config = None if isinstance(workflow, str) else workflow.config
    workflow_id = workflow_id_of(workflow)
    body = write_start_payload(config, payload, f"the payload of {what}")
    initial_state = write_initial_state(config, options.initial_state, f"the initial state of {what}")
    try:
        return to_message(
            ChildrenStarted.Child,
            workflow_id=workflow_id,
            payload=body,
            initial_state=initial_state,
            queue=queue_name(options.queue),
            concurrency_key=options.concurrency_key or "",
            priority=options.priority or 0,
            run_timeout=to_optional_duration("run_timeout_seconds", options.run_timeout_seconds),
        )
    except (TypeError, ValueError) as error:
        raise InvalidStepError(f"{what}: {error}") from None


def workflow_id_of(workflow: object) -> str:
    """The id of the workflow that a child is to run. Raises InvalidStepError for what is neither a workflow nor an id."""
    if isinstance(workflow, str):
        return workflow
    if isinstance(workflow, Workflow):
        return workflow.id
    raise InvalidStepError(f"a child needs a workflow, or the id of one, not {workflow!r:.80}")
