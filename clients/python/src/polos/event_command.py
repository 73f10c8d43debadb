"""Waits for events of topics, and events for them."""

from __future__ import annotations

from typing import Any

from ._gen.polos.v1.command_pb2 import Command, EventAwaited
from .errors import InvalidStepError
from .name import TOPIC_BYTES_MAX, is_name
from .publish_command import publish_command
from .wait_command import to_timeout

_SEQUENCE_MAX = 999_999_999_999_999
"""The largest number that a cursor holds."""


def wait_for_event_command(key: str, topic: str, timeout: float | None, after: int | None) -> Command:
    """Makes the command that begins a wait for an event of a topic.

    Raises InvalidStepError for a topic, a timeout or a sequence that is none.
    """
    _assert_topic(key, topic)
    if after is not None and not (type(after) is int and 0 <= after <= _SEQUENCE_MAX):
        wanted = "the sequence of an event, or 0 for all that are kept"
        raise InvalidStepError(f'"after" of step "{key}" must be {wanted}, not {after!r:.80}')
    cursor = "" if after is None else str(after)
    awaited = EventAwaited(step_key=key, topic=topic, cursor=cursor, timeout=to_timeout(key, timeout))
    return Command(event_awaited=awaited)


def publish_event_command(key: str, topic: str, data: Any, event_type: str | None) -> Command:
    """Makes the command that publishes an event to a topic.

    Raises InvalidStepError for a topic or a type that is none; SerializationError, PayloadSizeError for the data.
    """
    _assert_topic(key, topic)
    return publish_command(key, data, event_type, topic)


def _assert_topic(key: str, topic: object) -> None:
    if not is_name(topic, TOPIC_BYTES_MAX):
        wanted = f"a text of 1 to {TOPIC_BYTES_MAX} bytes without control characters"
        raise InvalidStepError(f'the topic of step "{key}" must be {wanted}, not {topic!r:.80}')
