"""Telling running code that it should stop."""

from __future__ import annotations

import asyncio
import threading


class Cancellation:
    """Is set when code should stop: `ctx.cancel_event`, and `signal` of a step's attempt. May be asked from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._reason: Exception | None = None
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []
        self._followers: list[Cancellation] = []

    def is_set(self) -> bool:
        """Whether the code should stop."""
        return self._event.is_set()

    @property
    def reason(self) -> Exception | None:
        """Why, once it is set: WorkflowCancelledError, StepTimeoutError, or another error if the execution is lost."""
        return self._reason

    def raise_if_set(self) -> None:
        """Raises the reason if it is set."""
        if self._reason is not None:
            raise self._reason

    async def wait(self) -> None:
        """Waits until it is set."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        with self._lock:
            if self._event.is_set():
                return
            self._waiters.append((loop, waiter))
        await waiter

    def wait_in_thread(self, timeout: float | None = None) -> bool:
        """The same for code that is not async: blocks its thread, for `timeout` seconds at most. Returns whether it is
        set."""
        return self._event.wait(timeout)

    def set(self, reason: Exception) -> None:
        """Sets it. For the SDK."""
        with self._lock:
            if self._event.is_set():
                return
            self._reason = reason
            self._event.set()
            waiters, self._waiters = self._waiters, []
            followers, self._followers = self._followers, []
        for loop, waiter in waiters:
            loop.call_soon_threadsafe(_wake, waiter)
        for follower in followers:
            follower.set(reason)

    def follow(self, leader: Cancellation) -> None:
        """Is set from now on as soon as `leader` is. For the SDK."""
        with leader._lock:
            if not leader._event.is_set():
                leader._followers.append(self)
                return
        if leader._reason is not None:
            self.set(leader._reason)

    def unfollow(self, leader: Cancellation) -> None:
        """Ends `follow`. For the SDK."""
        with leader._lock:
            if self in leader._followers:
                leader._followers.remove(self)


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
