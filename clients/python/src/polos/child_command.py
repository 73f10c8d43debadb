"""Children to start."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.duration_pb2 import Duration
from pydantic import BaseModel

from ._gen.polos.v1.command_pb2 import ChildrenStarted, ChildStarted, Command
from .errors import InvalidStepError
from .queue import Queue, queue_name
from .time import to_duration
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

    Raises SerializationError, PayloadSizeError, PayloadValidationError, StateValidationError, StateSizeError.
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
    return ChildrenStarted.Child(
        workflow_id=workflow_id_of(workflow),
        payload=write_start_payload(config, payload, f"the payload of {what}"),
        initial_state=write_initial_state(config, options.initial_state, f"the initial state of {what}"),
        queue=queue_name(options.queue),
        concurrency_key=options.concurrency_key or "",
        priority=options.priority or 0,
        run_timeout=_to_run_timeout(what, options.run_timeout_seconds),
    )


def workflow_id_of(workflow: object) -> str:
    """The id of the workflow that a child is to run. Raises InvalidStepError for what is neither a workflow nor an id."""
    if isinstance(workflow, str) and workflow:
        return workflow
    if isinstance(workflow, Workflow):
        return workflow.id
    raise InvalidStepError(f"a child needs a workflow, or the id of one, not {workflow!r:.80}")


def _to_run_timeout(what: str, seconds: float | None) -> Duration | None:
    if seconds is None:
        return None
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not is_number or not math.isfinite(seconds) or seconds <= 0:
        raise InvalidStepError(f"the run_timeout_seconds of {what} must be a positive number, not {seconds!r:.80}")
    return to_duration(seconds)
