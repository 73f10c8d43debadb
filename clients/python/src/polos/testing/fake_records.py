"""What an execution under test asked of the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class FakeChild:
    """A child that the execution started."""

    step_key: str
    workflow_id: str
    payload: Any
    initial_state: Any
    wait: bool


@dataclass
class FakeBatch:
    """A batch that the execution started: what became of each child, once it is final."""

    step_key: str
    children: list[tuple[str, str]]
    """Their ids and workflows."""
    results: dict[int, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class FakeResume:
    """A resume that the execution sent."""

    step_key: str
    execution_id: str
    suspended_step_key: str
    data: Any


@dataclass(frozen=True)
class FakeWait:
    """A wait that the execution began. Times in seconds."""

    step_key: str
    delay: float | None = None
    """Of a timer: how long from its commit on."""
    fire_time: float | None = None
    """Of a timer: when, since 1970."""
    data: Any = None
    """Of a suspend: what whoever resumes it should see."""
    topic: str | None = None
    """Of a wait for an event."""
    cursor: str | None = None
    timeout: float | None = None
    """Of a suspend, or a wait for an event."""


@dataclass(frozen=True)
class FakePublication:
    """An event that the execution published. `topic` is None for its own events."""

    step_key: str
    type: str
    data: Any
    topic: str | None
