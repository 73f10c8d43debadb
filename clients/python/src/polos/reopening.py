"""Streams that are opened again when they break."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TypeVar

from .errors import PolosError
from .retry import retry_delay
from .transport import is_connection_trouble

_DELAYS = (0.1, 5.0)
"""How fast a broken stream is opened again: the first and the longest delay, in seconds."""

_REOPENS_MAX = 20
"""How often in a row without a message."""

MessageT = TypeVar("MessageT")


async def reopening(open_stream: Callable[[], AsyncGenerator[MessageT, None]]) -> AsyncGenerator[MessageT, None]:
    """The messages of a stream that is opened again whenever it breaks.

    `open_stream` must begin after the last message that was taken.

    Raises what the stream raises, if that is no trouble of the connection, or if it stays.
    """
    reopens = 0
    while True:
        try:
            async with aclosing(open_stream()) as messages:
                async for message in messages:
                    reopens = 0
                    yield message
            return
        except PolosError as error:
            if not is_connection_trouble(error) or reopens >= _REOPENS_MAX:
                raise
        await asyncio.sleep(retry_delay(*_DELAYS, reopens, random.random()))
        reopens += 1
