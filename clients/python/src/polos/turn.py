"""Noticing when code has run as far as it can."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from .scope import current_scope

_STILL_PASSES = 2
"""How many passes of the event loop in a row must find nothing to do: a callback of somebody else's (a lock's, a queue's
that another task owns) may wake the code in the next one."""

_PASSES_MAX = 200
"""Code that asks again and again (`while not done: await asyncio.sleep(0)`) is never idle; after that it counts as idle."""

_BLIND_PASSES = 32
"""How many passes other event loops get, such as uvloop, whose queue cannot be seen."""


async def turn(owner: object = None) -> None:
    """Waits until the code of `owner` (a `Scope`'s) has run as far as it can: until the event loop holds no callback of its
    that is ready, while the loop turned twice. Without an owner it only lets the loop turn.

    Exact on asyncio's own loop: what runs on behalf of code (tasks, `gather`, `wait`, locks, queues) carries its context
    variables, and so its scope. Others' code may be as busy as it likes.
    """
    ready = getattr(asyncio.get_running_loop(), "_ready", None)
    if ready is None:
        for _ in range(_BLIND_PASSES):
            await asyncio.sleep(0)
        return
    still = 0
    for _ in range(_PASSES_MAX):
        await asyncio.sleep(0)
        still = 0 if any(_is_of(handle, owner) for handle in _snapshot(ready)) else still + 1
        if still == _STILL_PASSES:
            return


def _is_of(handle: Any, owner: object) -> bool:
    context = getattr(handle, "_context", None)
    scope = None if context is None or handle._cancelled else context.get(current_scope)
    return scope is not None and scope.owner is owner


def _snapshot(ready: Any) -> Sequence[Any]:
    """A copy, because other threads may add to the queue at any time."""
    while True:
        try:
            return tuple(ready)
        except RuntimeError:
            continue


class Bell:
    """A bell that one waiter listens to. A ring that nobody waited for is kept, once."""

    def __init__(self) -> None:
        self._is_rung = False
        self._waiter: asyncio.Future[None] | None = None

    def ring(self) -> None:
        """Wakes the waiter. Only on the event loop's thread."""
        self._is_rung = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def reset(self) -> None:
        """Forgets a ring: what it announced is about to be looked at."""
        self._is_rung = False

    async def wait(self) -> None:
        """Returns at the next ring, or at once if one was kept."""
        if not self._is_rung:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        self._is_rung = False
