"""Patience with code that seems to differ from the record."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

GRACE = 2.0
"""How long code that seems to differ from the record may still come round, in seconds: it may do I/O of its own."""


class Grace:
    """A time limit for one reason at a time. It rings when the time is up, and starts anew for another reason."""

    def __init__(self, seconds: float, ring: Callable[[], None]) -> None:
        self._seconds = seconds
        self._ring = ring
        self._reason: object = None
        self._end = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def is_over(self, reason: object) -> bool:
        """Whether the time for this reason is up; its first mention starts the time."""
        if reason is not self._reason:
            self.stop()
            self._reason = reason
            self._end = time.monotonic() + self._seconds
            # The event loop rounds times; a timer must not come before the end.
            self._timer = asyncio.get_running_loop().call_later(self._seconds + 0.002, self._ring)
        return time.monotonic() >= self._end

    def stop(self) -> None:
        """Forgets the reason."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._reason = None
