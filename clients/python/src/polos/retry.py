"""How often and how fast something that failed is tried again."""

from __future__ import annotations

import asyncio

from .cancellation import Cancellation


def retry_delay(base_delay: float, max_delay: float, retry: int, random: float) -> float:
    """The delay before a retry in seconds: exponential and capped, spread by ±25 % so that what failed together does not
    come back together.

    - `base_delay`: before the first retry, doubled for each further one.
    - `max_delay`: the longest delay, before the spread.
    - `retry`: 0 for the first retry.
    - `random`: a number from 0 up to 1, for example from `random.random`.
    """
    return float(min(base_delay * 2.0 ** min(retry, 50), max_delay) * (0.75 + random * 0.5))


async def pause(seconds: float, signal: Cancellation) -> bool:
    """Waits. Returns True after the time, False as soon as the signal is set."""
    if signal.is_set():
        return False
    try:
        await asyncio.wait_for(signal.wait(), seconds)
    except asyncio.TimeoutError:
        return True
    return False
