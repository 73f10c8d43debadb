"""Publishing to topics, and reading them."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from ._gen.polos.v1.workflow_service_pb2 import PublishEventsRequest
from .event_stream import read_event_stream
from .execution_event import ExecutionEvent
from .executions import read_events
from .methods import PUBLISH_EVENTS
from .payload import to_payload
from .scope import assert_outside_workflow
from .topic_event import DEFAULT_TYPE, EventData, TopicEvent, to_event_data, to_topic_event
from .transport import Transport


class EventsApi:
    """Publishes to topics, and reads them. `PolosClient.events` and `Polos.events` are one."""

    def __init__(self, transport: Transport) -> None:
        """It comes from `PolosClient`."""
        self._transport = transport

    async def publish(
        self, topic: str, event: EventData | Mapping[str, Any] | None = None, *, idempotency_key: str | None = None
    ) -> int:
        """Publishes one event to a topic, which needs no creation: executions that wait for it go on.

        Returns its sequence within the topic, once it is durable.

        - `topic`: 1 to 512 bytes, no control characters.
        - `event`: an `EventData`, or a dict of `data` and `event_type`.

        Raises what `batch_publish` raises.
        """
        return (await self.batch_publish(topic, [event or EventData()], idempotency_key=idempotency_key))[0]

    async def batch_publish(
        self, topic: str, events: Sequence[EventData | Mapping[str, Any]], *, idempotency_key: str | None = None
    ) -> list[int]:
        """Publishes events to a topic, all or none, one after the other in the order given.

        Repeated by itself while the server cannot be reached, for 30 s, under one idempotency key: never twice. Returns
        their sequences within the topic, in the same order.

        - `events`: 1 to 1,000, about 4 MiB together.
        - `idempotency_key`: makes the call safe to repeat by the program itself: one key in a topic, one publication; at
          most 200 bytes. Default: a fresh one.

        Raises InvalidArgumentError; LimitExceededError; IdempotencyMismatchError if the key was used for other events of the
        topic; SerializationError, PayloadSizeError for data; UnavailableError.
        """
        assert_outside_workflow("client.events.publish()", "ctx.step.publish_event()")
        request = PublishEventsRequest(topic=topic, idempotency_key=idempotency_key or str(uuid.uuid4()))
        for index, event in enumerate(map(to_event_data, events)):
            payload = to_payload(event.data, what=f"the data of event {index}")
            request.events.add(type=event.event_type or DEFAULT_TYPE, data=payload)
        return list((await self._transport.call(PUBLISH_EVENTS, request, repeatable=True)).sequences)

    async def stream_topic(
        self, topic: str, *, after: int = 0, follow: bool = True
    ) -> AsyncGenerator[TopicEvent, None]:
        """Reads the events of a topic in order, none twice and none missing, and stays for those to come.

        A topic that nobody has published to is empty. A break of the connection is bridged.

        - `after`: only events after this sequence. Default: from the first.
        - `follow`: whether to stay for events to come; a topic has no end.

        Raises InvalidArgumentError for `after` beyond the newest event; EventsDeletedError where events after it were deleted,
        also in the middle; UnavailableError once the server stays away.
        """
        async with aclosing(read_event_stream(self._transport, "topic", topic, after=after, follow=follow)) as events:
            async for event, _ in events:
                yield to_topic_event(event)

    def stream_workflow(
        self, workflow_id: str, execution_id: str, *, after: int = 0, follow: bool = True
    ) -> AsyncGenerator[ExecutionEvent, None]:
        """Reads the events of an execution and of all that descends from it: `handle.events(descendants=True)`.

        - `workflow_id`: the public Polos SDK names the workflow first; an execution's id says it all, so that nothing is
          made of it.
        - `execution_id`: one that was not started by another.

        Raises NotFoundError from the iterator; what `stream_topic` raises.
        """
        return read_events(self._transport, execution_id, descendants=True, after=after, follow=follow)
