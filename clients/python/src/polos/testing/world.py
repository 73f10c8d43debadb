"""What the executions of one test share."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..payload import json_of, to_payload
from ..workflow import Workflow

if TYPE_CHECKING:
    from .simulated_execution import SimulatedExecution


@dataclass
class World:
    """The clock, the topics and the workflows of a test."""

    workflows: dict[str, Workflow[Any, Any, Any]]
    now: float = field(default_factory=time.time)
    """In seconds since 1970."""
    executions: dict[str, SimulatedExecution] = field(default_factory=dict)
    """All executions, by their id."""
    topics: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """What was published, as a step that waits for it gets it."""

    @classmethod
    def of(cls, workflows: Sequence[Workflow[Any, Any, Any]], now: float | None) -> World:
        """A world with these workflows, at this time. None: now."""
        by_id = {workflow.id: workflow for workflow in workflows}
        return cls(by_id) if now is None else cls(by_id, now)

    def publish(self, topic: str, event_type: str, data: Any, execution_id: str | None = None) -> None:
        """Adds an event to a topic."""
        events = self.topics.setdefault(topic, [])
        event = {"topic": topic, "sequence": len(events) + 1, "type": event_type, "createTime": str(self.now)}
        if data is not None:
            event["data"] = json.loads(json_of(to_payload(data)))
        if execution_id is not None:
            event["executionId"] = execution_id
        events.append(event)
