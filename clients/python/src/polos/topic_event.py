"""Events of topics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ._gen.polos.v1.event_pb2 import Event
from .payload import from_payload
from .time import to_datetime

DEFAULT_TYPE = "event"
"""What sort of event it is if nobody says."""


@dataclass(frozen=True)
class EventData:
    """An event to publish to a topic."""

    data: Any = None
    """Plain JSON data, or a model, at most 2,097,152 bytes. None: none."""
    event_type: str | None = None
    """What sort of event it is, 1 to 200 bytes. None: "event"."""


@dataclass(frozen=True)
class TopicEvent:
    """An event of a topic, as a client reads it."""

    topic: str
    sequence: int
    """Its number within the topic: 1 for the first, no gaps."""
    type: str
    """The publisher's word for what sort of event it is."""
    data: Any
    """What was published; None for nothing, bytes where another language published bytes."""
    created_at: datetime
    """When it was published, by the server's clock."""
    execution_id: str | None
    """The execution that published it; None if a client did."""


def to_event_data(given: EventData | Mapping[str, Any]) -> EventData:
    """An event to publish, given as such or as a dict of its fields (`type` is the same as `event_type`).

    Raises TypeError for anything else.
    """
    if isinstance(given, EventData):
        return given
    if isinstance(given, Mapping) and all(key in ("data", "event_type", "type") for key in given):
        return EventData(given.get("data"), given.get("event_type", given.get("type")))
    raise TypeError(f"an event is an EventData, or a dict of data and event_type, not {given!r}")


def to_topic_event(event: Event) -> TopicEvent:
    """The protocol's event of a topic in the terms of this SDK."""
    return TopicEvent(
        topic=event.topic,
        sequence=event.sequence,
        type=event.type,
        data=from_payload(event.data),
        created_at=to_datetime(event.create_time),
        execution_id=event.execution_id or None,
    )
