"""One open Work stream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import grpc.aio

from ._gen.polos.v1.worker_service_pb2 import WorkRequest, WorkResponse
from .api_errors import UnavailableError
from .methods import WORK
from .transport import Transport

_SILENCE_SENT = 12.0
"""How long this side may be silent before it sends a sign of life, in seconds. The protocol says 15."""

_SILENCE_RECEIVED = 45.0
"""How long the server may be silent before the stream counts as broken: three missed signs of life."""

_WATCH = 3.0
"""How often both are looked at."""


class WorkSession:
    """One open Work stream, from `hello` to its end."""

    def __init__(self, transport: Transport, worker_id: str, receive: Callable[[WorkResponse], None]) -> None:
        """`receive` is called for each message but signs of life, in order. It must not wait."""
        self._transport = transport
        self._receive = receive
        self._outbox: asyncio.Queue[WorkRequest | None] = asyncio.Queue()
        self._call: grpc.aio.StreamStreamCall[WorkRequest, WorkResponse] = transport.duplex(WORK)
        self._sent_at = self._received_at = time.monotonic()
        self._is_open = True
        self._is_cancelled = False
        self._reason: Exception | None = None
        self.send(WorkRequest(hello=WorkRequest.Hello(worker_id=worker_id)))

    async def run(self) -> Exception | None:
        """Holds the stream until its end. Returns why it broke, or None for an orderly end."""
        helpers = [asyncio.create_task(self._write()), asyncio.create_task(self._watch_silence())]
        try:
            await self._read()
        except grpc.aio.AioRpcError as error:
            return self._reason or self._transport.explain(error)
        except asyncio.CancelledError:
            # Reading a call that this side has cancelled raises the same as this task's own cancellation.
            if not self._is_cancelled:
                raise
        finally:
            self._is_open = False
            for helper in helpers:
                helper.cancel()
            self._call.cancel()
        return self._reason

    def send(self, message: WorkRequest) -> None:
        """Sends a message. After the end, from either side, it does nothing."""
        if self._is_open:
            self._sent_at = time.monotonic()
            self._outbox.put_nowait(message)

    def end(self) -> None:
        """Sends nothing more, and lets the server close the stream."""
        if self._is_open:
            self._is_open = False
            self._outbox.put_nowait(None)

    def cancel(self, reason: Exception | None = None) -> None:
        """Breaks the stream off."""
        self._is_cancelled = True
        self._reason = self._reason or reason
        self._call.cancel()

    async def _read(self) -> None:
        while True:
            message = await self._call.read()
            if not isinstance(message, WorkResponse):  # grpc.aio.EOF
                return
            self._received_at = time.monotonic()
            if message.WhichOneof("message") != "keepalive":
                self._receive(message)

    async def _write(self) -> None:
        # What breaks the stream is seen, and told, by its reader.
        try:
            while (message := await self._outbox.get()) is not None:
                await self._call.write(message)
            await self._call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            self._is_open = False

    async def _watch_silence(self) -> None:
        while True:
            await asyncio.sleep(_WATCH)
            now = time.monotonic()
            if now - self._received_at > _SILENCE_RECEIVED:
                self.cancel(UnavailableError(f"the server has been silent for {_SILENCE_RECEIVED:g} s"))
            elif now - self._sent_at > _SILENCE_SENT:
                self.send(WorkRequest(keepalive=WorkRequest.Keepalive()))
