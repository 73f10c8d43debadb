"""Streams of events."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Literal

from ._gen.polos.v1.event_pb2 import Event
from ._gen.polos.v1.workflow_service_pb2 import StreamEventsRequest, StreamEventsResponse
from .methods import STREAM_EVENTS
from .reopening import reopening
from .transport import Transport

Source = Literal["execution_id", "root_execution_id", "topic"]
"""What is streamed: an execution, one with all that descends from it, or a topic."""


async def read_event_stream(
    transport: Transport, source: Source, name: str, *, after: int = 0, follow: bool = True
) -> AsyncGenerator[tuple[Event, int], None]:
    """Reads a stream of events in order, none twice and none missing: each with its place in what is streamed.

    A broken stream is opened again after the last event.

    `after`: only events after this place. `follow`: whether to stay for events to come.

    Raises NotFoundError; UnavailableError once the server stays away.
    """
    cursor = str(after) if after else ""

    def open_stream() -> AsyncGenerator[StreamEventsResponse, None]:
        request = StreamEventsRequest(cursor=cursor, follow=follow)
        setattr(request, source, name)
        return transport.stream(STREAM_EVENTS, request)

    async with aclosing(reopening(open_stream)) as messages:
        async for message in messages:
            cursor = message.cursor or cursor
            if message.WhichOneof("message") == "event":
                yield message.event, int(cursor)
