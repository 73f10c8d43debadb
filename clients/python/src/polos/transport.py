"""The connection to a server."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import AsyncGenerator
from urllib.parse import urlsplit

import grpc
import grpc.aio

from .api_errors import PolosApiError, UnavailableError
from .config import PolosConnection
from .methods import Method, RequestT, ResponseT
from .retry import retry_delay
from .status import from_rpc_error, has_details

_RECEIVE_BYTES_MAX = 64 * 1024 * 1024
"""Bytes of one message that this side accepts: a page of steps, an assignment with payload and state."""

_RETRY_DELAYS = (0.1, 1.0)
"""How fast a call that found no server is tried again: the first and the longest delay, in seconds."""

_TRY_TIMEOUT = 30.0
"""How long one try of a call may take, in seconds, unless the call waits on purpose."""


class Transport:
    """One connection to a server, over which any number of calls run at once.

    It is opened by the first call, and belongs to the event loop of that call: a program that runs one loop after the
    other (`asyncio.run` twice) gets a connection in each.
    """

    def __init__(self, connection: PolosConnection) -> None:
        """Opens nothing yet. Raises ValueError for an `api_url` that is none."""
        self._api_url = connection.api_url
        self._target, self._is_secure, self._is_loopback = _parse_api_url(connection.api_url)
        self._metadata: tuple[tuple[str, str], ...] = (("x-project-id", connection.project_id),)
        if connection.api_key is not None:
            self._metadata += (("authorization", f"Bearer {connection.api_key}"),)
        self._open: tuple[asyncio.AbstractEventLoop, grpc.aio.Channel] | None = None

    async def call(
        self,
        method: Method[RequestT, ResponseT],
        request: RequestT,
        *,
        repeatable: bool,
        timeout: float = _TRY_TIMEOUT,
        try_timeout: float = _TRY_TIMEOUT,
    ) -> ResponseT:
        """Makes a unary call.

        A server that cannot be reached is tried again until the time is up, if the call may be repeated.

        `timeout`: how long it may take in all, tries and pauses included, in seconds. `try_timeout`: one try.

        Raises PolosError: the typed error of the status.
        """
        end = time.monotonic() + timeout
        retry = 0
        while True:
            try:
                return await self._call_once(method, request, max(0.001, min(end - time.monotonic(), try_timeout)))
            except grpc.aio.AioRpcError as error:
                failure = self.explain(error)
                suggested = failure.retry_delay or 0.0 if isinstance(failure, UnavailableError) else 0.0
                delay = max(suggested, retry_delay(*_RETRY_DELAYS, retry, random.random()))
                if not repeatable or not is_connection_trouble(failure) or time.monotonic() + delay >= end:
                    raise failure from None
            await asyncio.sleep(delay)
            retry += 1

    async def stream(self, method: Method[RequestT, ResponseT], request: RequestT) -> AsyncGenerator[ResponseT, None]:
        """Opens a server stream. It ends with the stream; leaving it (`aclose`) cancels the call.

        Raises PolosError from the iterator when the stream breaks.
        """
        multi_callable = self._channel().unary_stream(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        call = multi_callable(request, metadata=self._metadata)
        try:
            async for message in call:
                yield message
        except grpc.aio.AioRpcError as error:
            raise self.explain(error) from None
        finally:
            call.cancel()

    def duplex(self, method: Method[RequestT, ResponseT]) -> grpc.aio.StreamStreamCall[RequestT, ResponseT]:
        """Opens a bidirectional stream. What breaks it is raised as `grpc.aio.AioRpcError`; see `explain`."""
        multi_callable: grpc.aio.StreamStreamMultiCallable[RequestT, ResponseT] = self._channel().stream_stream(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        return multi_callable(metadata=self._metadata)

    async def close(self) -> None:
        """Closes the connection of the running loop. Calls under way fail. A later call opens a new one."""
        if self._open is None:
            return
        loop, channel = self._open
        self._open = None
        if loop is asyncio.get_running_loop():
            await channel.close()

    def explain(self, error: grpc.aio.AioRpcError) -> Exception:
        """The typed error of a failed call."""
        failure = from_rpc_error(error)
        if not isinstance(failure, UnavailableError) or has_details(error):
            return failure
        return UnavailableError(f"cannot reach a Polos server at {self._api_url}: {error.details()}")

    async def _call_once(self, method: Method[RequestT, ResponseT], request: RequestT, timeout: float) -> ResponseT:
        multi_callable = self._channel().unary_unary(
            method.path,
            request_serializer=method.request.SerializeToString,
            response_deserializer=method.response.FromString,
        )
        answer: ResponseT = await multi_callable(request, timeout=timeout, metadata=self._metadata)
        return answer

    def _channel(self) -> grpc.aio.Channel:
        loop = asyncio.get_running_loop()
        if self._open is None or self._open[0] is not loop:
            self._open = (loop, self._new_channel())
        return self._open[1]

    def _new_channel(self) -> grpc.aio.Channel:
        options = [
            ("grpc.max_receive_message_length", _RECEIVE_BYTES_MAX),
            ("grpc.max_send_message_length", -1),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1_000),
            ("grpc.keepalive_time_ms", 30_000),
            ("grpc.keepalive_timeout_ms", 10_000),
            # A proxy of the environment is for other machines.
            ("grpc.enable_http_proxy", 0 if self._is_loopback else 1),
        ]
        if self._is_secure:
            return grpc.aio.secure_channel(self._target, grpc.ssl_channel_credentials(), options=options)
        return grpc.aio.insecure_channel(self._target, options=options)


def is_connection_trouble(error: object) -> bool:
    """Whether a failure says nothing about the request, so that it may be sent again if it may be repeated."""
    if isinstance(error, UnavailableError):
        return True
    return isinstance(error, PolosApiError) and error.status == "DEADLINE_EXCEEDED"


def _parse_api_url(api_url: str) -> tuple[str, bool, bool]:
    """What to connect to, whether over TLS, and whether it is this machine.

    Raises ValueError for anything but `http(s)://HOST[:PORT]`.
    """
    advice = f'api_url must look like "http://localhost:8080", not {api_url!r}'
    try:
        url = urlsplit(api_url)
        host, port = url.hostname, url.port
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(advice) from error
    is_plain = url.path in ("", "/") and not url.query and not url.fragment and url.username is None
    if url.scheme not in ("http", "https") or not host or not is_plain:
        raise ValueError(advice)
    is_secure = url.scheme == "https"
    is_loopback = re.fullmatch(r"localhost|127\..*|::1", host) is not None
    name = f"ipv6:[{host}]" if ":" in host else f"dns:{host}"
    return f"{name}:{port or (443 if is_secure else 80)}", is_secure, is_loopback
