"""Signals that end a worker."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def listen_for_signals(on_signal: Callable[[], None]) -> Callable[[], None]:
    """Calls back on the running loop at the first SIGTERM or SIGINT.

    A second signal does what it would have done without this. In another thread than the main one, where Python delivers
    no signals, nothing is listened for.

    Returns what stops the listening.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    loop = asyncio.get_running_loop()
    # Whoever handled them before, a notebook's kernel or asyncio.run, handles them again afterwards.
    before: dict[signal.Signals, Any] = {}

    def stop() -> None:
        for number, handler in before.items():
            if signal.getsignal(number) is listener:
                signal.signal(number, handler)
        before.clear()

    def listener(_number: int, _frame: FrameType | None) -> None:
        stop()
        loop.call_soon_threadsafe(on_signal)

    for number in _SIGNALS:
        before[number] = signal.signal(number, listener) or signal.SIG_DFL
    return stop
