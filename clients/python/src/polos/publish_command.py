"""Events to publish."""

from __future__ import annotations

from typing import Any

from ._gen.polos.v1.command_pb2 import Command, EventPublished
from .errors import InvalidStepError
from .name import is_text
from .payload import to_payload
from .topic_event import DEFAULT_TYPE

_TYPE_BYTES_MAX = 200


def publish_command(key: str, data: Any, event_type: str | None, topic: str = "") -> Command:
    """Makes the command that publishes an event, among the execution's own unless there is a topic.

    Raises InvalidStepError for a type that is none; SerializationError, PayloadSizeError for the data.
    """
    kind: object = DEFAULT_TYPE if event_type is None else event_type
    if not is_text(kind, _TYPE_BYTES_MAX):
        raise InvalidStepError(f'the event type of step "{key}" must be a text of 1 to {_TYPE_BYTES_MAX} bytes')
    payload = to_payload(data, what=f'the event of step "{key}"')
    return Command(event_published=EventPublished(step_key=key, topic=topic, type=kind, data=payload))
