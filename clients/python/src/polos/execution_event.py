"""What happens to executions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ._gen.polos.v1.event_pb2 import Event
from .payload import from_payload
from .time import to_datetime


@dataclass(frozen=True)
class ExecutionEvent:
    """Something that happened to an execution. Recorded once, never changed."""

    sequence: int
    """Its number within the execution: 1 for the first, no gaps."""
    place: int
    """Its number in what is being read, from 1: with `descendants` among the events of all of them, else the sequence."""
    execution_id: str
    """The execution it belongs to."""
    workflow_id: str
    """The workflow of that execution."""
    type: str
    """What happened, for example "workflow_start", "step_finish", "workflow_finish"; the workflow's own word if it has a
    topic."""
    data: Any
    """What belongs to it, as plain JSON data."""
    created_at: datetime
    """When it was recorded, by the server's clock."""
    step_key: str | None
    """The step it is about, if it is about one."""
    topic: str | None
    """Where the workflow published it (`workflow/WORKFLOW/EXECUTION`); None for what the server recorded."""
    state_revision: int
    """The state's revision after the commit that recorded it."""


def to_execution_event(event: Event, place: int) -> ExecutionEvent:
    """The protocol's event in the terms of this SDK."""
    return ExecutionEvent(
        sequence=event.sequence,
        place=place,
        execution_id=event.execution_id,
        workflow_id=event.workflow_id,
        type=event.type,
        data=from_payload(event.data),
        created_at=to_datetime(event.create_time),
        step_key=event.step_key or None,
        topic=event.topic or None,
        state_revision=event.state_revision,
    )
