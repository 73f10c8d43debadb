"""Executions, as they were when they were read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ._gen.polos.v1.execution_pb2 import Execution
from .errors import RemoteError
from .execution_status import ExecutionStatus, ExecutionStatusReason, execution_status_name, status_reason_name
from .failure import to_error
from .payload import from_payload
from .time import to_datetime


@dataclass(frozen=True)
class ExecutionInfo:
    """An execution as it was when it was read. Changing the object changes nothing else."""

    id: str
    """A UUID in lower case."""
    workflow_id: str
    """The workflow it runs."""
    status: ExecutionStatus
    """Where it is in its life."""
    status_reason: ExecutionStatusReason | None
    """Why it is not running, if it is queued or waiting, or if workers were lost at it, one after the other."""
    queue: str
    """The queue it waits in."""
    payload: Any
    """What the handler receives, as plain JSON data; None for no value."""
    initial_state: dict[str, Any] | None
    """The state it was invoked with; None if none was given."""
    result: Any
    """What the handler returned, as plain JSON data, once completed."""
    error: RemoteError | None
    """Why it failed, was cancelled or timed out; while it waits for a retry, why its last attempt failed; and while it is
    held back because workers were lost at it, that."""
    created_at: datetime | None
    """When it was invoked."""
    started_at: datetime | None
    """When a worker first took it."""
    completed_at: datetime | None
    """When it reached its final status."""
    parent_execution_id: str | None
    """The execution that started it, if one did."""
    parent_step_key: str | None
    """The parent's step that started it."""
    root_execution_id: str
    """The topmost execution of its tree; its own id if nothing started it."""
    root_workflow_id: str
    """The workflow of the topmost execution."""
    session_id: str
    """The session it belongs to."""
    user_id: str | None
    """The user on whose behalf it runs, if the caller said."""
    retry_count: int
    """How many attempts of the handler have failed so far."""
    state_revision: int
    """The state's latest revision; 1 is the state it was created with."""
    step_count: int
    """How many steps are recorded."""


def to_execution_info(execution: Execution) -> ExecutionInfo:
    """The protocol's execution in the terms of this SDK."""

    def time_of(field: str) -> datetime | None:
        return to_datetime(getattr(execution, field)) if execution.HasField(field) else None

    return ExecutionInfo(
        id=execution.id,
        workflow_id=execution.workflow_id,
        status=execution_status_name(execution.status),
        status_reason=status_reason_name(execution.status_reason),
        queue=execution.queue,
        payload=from_payload(execution.payload),
        initial_state=json.loads(execution.initial_state) if execution.initial_state else None,
        result=from_payload(execution.result),
        error=to_error(execution.failure) if execution.HasField("failure") else None,
        created_at=time_of("create_time"),
        started_at=time_of("start_time"),
        completed_at=time_of("close_time"),
        parent_execution_id=execution.parent_execution_id or None,
        parent_step_key=execution.parent_step_key or None,
        root_execution_id=execution.root_execution_id,
        root_workflow_id=execution.root_workflow_id,
        session_id=execution.session_id,
        user_id=execution.user_id or None,
        retry_count=execution.failed_attempts,
        state_revision=execution.state_revision,
        step_count=execution.step_count,
    )
