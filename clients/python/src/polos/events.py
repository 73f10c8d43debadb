"""Topics as the public Polos SDK has them: `client.events` as functions, `polos.events.publish(client, ...)`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .execution_event import ExecutionEvent
from .topic_event import EventData, TopicEvent

if TYPE_CHECKING:
    from .client import PolosClient

__all__ = ["EventData", "batch_publish", "publish", "stream_topic", "stream_workflow"]


async def publish(client: PolosClient, topic: str, event_data: EventData | Mapping[str, Any]) -> int:
    """See `EventsApi.publish`."""
    return await client.events.publish(topic, event_data)


async def batch_publish(client: PolosClient, topic: str, events: Sequence[EventData | Mapping[str, Any]]) -> list[int]:
    """See `EventsApi.batch_publish`."""
    return await client.events.batch_publish(topic, events)


def stream_topic(client: PolosClient, topic: str, last_sequence_id: int = 0) -> AsyncGenerator[TopicEvent, None]:
    """See `EventsApi.stream_topic`. Without `last_sequence_id` it begins with the first event, so that none is missed."""
    return client.events.stream_topic(topic, after=last_sequence_id)


def stream_workflow(
    client: PolosClient, workflow_id: str, workflow_run_id: str, last_sequence_id: int = 0
) -> AsyncGenerator[ExecutionEvent, None]:
    """See `EventsApi.stream_workflow`. Without `last_sequence_id` it begins with the first event."""
    return client.events.stream_workflow(workflow_id, workflow_run_id, after=last_sequence_id)
