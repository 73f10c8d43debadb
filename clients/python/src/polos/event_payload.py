"""An event as a workflow gets it."""

from __future__ import annotations

import base64
from typing import Any

from pydantic import BaseModel, ConfigDict


class EventPayload(BaseModel):
    """An event of a topic, as a workflow gets it that waited for it. It may be kept in a state, or returned."""

    model_config = ConfigDict(frozen=True, ser_json_bytes="base64", val_json_bytes="base64")

    topic: str
    sequence: int
    """Its number within the topic: 1 for the first, no gaps."""
    type: str
    """The publisher's word for what sort of event it is."""
    data: Any = None
    """What was published; None for nothing, bytes where another language published bytes."""
    encoding: str | None = None
    """How the bytes are encoded, by the publisher's word; None for JSON data."""
    created_at: str
    """When it was published, by the server's clock: text after RFC 3339."""
    execution_id: str | None = None
    """The execution that published it; None if a client did."""


def to_event_payload(outcome: dict[str, Any]) -> EventPayload:
    """The outcome of a wait for an event, as command.proto describes it, in the terms of this SDK."""
    in_bytes = outcome.get("bytes")
    return EventPayload(
        topic=outcome["topic"],
        sequence=outcome["sequence"],
        type=outcome["type"],
        data=outcome.get("data") if in_bytes is None else base64.b64decode(in_bytes),
        encoding=outcome.get("encoding"),
        created_at=outcome["createTime"],
        execution_id=outcome.get("executionId"),
    )
