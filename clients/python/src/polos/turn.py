"""Noticing when code has run as far as it can."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from .loop_view import view_of
from .scope import current_scope

_STILL_PASSES = 2
"""How many passes of the event loop in a row must find nothing to do: a callback of somebody else's (a lock's, a queue's
that another task owns) may wake the code in the next one."""

_PASSES_MAX = 2_000
"""Code that asks again and again (`while not done: await asyncio.sleep(0)`) is never idle; after that it counts as idle."""

_BLIND_PASSES = 32
"""How many passes a loop gets of which nothing can be learnt."""


async def turn(owner: object = None) -> None:
    """Waits until the code of `owner` (a `Scope`'s) has run as far as it can: until the event loop holds no callback of its
    that is ready, while the loop turned twice. Without an owner it only lets the loop turn.

    Exact on asyncio's own loop and on uvloop: what runs on behalf of code (tasks, `gather`, `wait`, locks, queues) carries its
    context variables, and so its scope. Others' code may be as busy as it likes.
    """
    loop = asyncio.get_running_loop()
    view = view_of(loop)
    if view is None:
        for _ in range(_BLIND_PASSES):
            await asyncio.sleep(0)
        return
    watch = _watches.get(loop)
    if watch is None:
        watch = _watches[loop] = _Watch(view.ready)
    await watch.until_still(owner)


@dataclass
class _Waiter:
    owner: object
    future: asyncio.Future[None]
    still: int = 0
    passes: int = 0


class _Watch:
    """Looks at the queue of an event loop once in each pass, for all who wait: with hundreds of executions each would look at
    the callbacks of all others."""

    def __init__(self, ready: Any) -> None:
        """`ready`: the loop's queue. The loop itself is not kept: it may be closed and collected."""
        self._ready = ready
        self._context = Context()
        self._waiters: list[_Waiter] = []

    def until_still(self, owner: object) -> asyncio.Future[None]:
        """Completes once nothing of an owner is ready."""
        loop = asyncio.get_running_loop()
        if not self._waiters:
            loop.call_soon(self._look, context=self._context)
        waiter = _Waiter(owner, loop.create_future())
        self._waiters.append(waiter)
        return waiter.future

    def _look(self) -> None:
        busy = {owner for handle in self._snapshot() if (owner := _owner_of(handle)) is not None}
        self._waiters = [waiter for waiter in self._waiters if not self._is_over(waiter, busy)]
        if self._waiters:
            asyncio.get_running_loop().call_soon(self._look, context=self._context)

    def _is_over(self, waiter: _Waiter, busy: set[object]) -> bool:
        if waiter.future.done():  # Whoever waited was cancelled.
            return True
        waiter.passes += 1
        waiter.still = 0 if waiter.owner in busy else waiter.still + 1
        if waiter.still < _STILL_PASSES and waiter.passes < _PASSES_MAX:
            return False
        waiter.future.set_result(None)
        return True

    def _snapshot(self) -> Sequence[Any]:
        """A copy, because other threads may add to the queue at any time."""
        while True:
            try:
                return tuple(self._ready)
            except RuntimeError:
                continue


_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, _Watch] = WeakKeyDictionary()


def _owner_of(handle: Any) -> object:
    """Whose code a callback belongs to; None for nobody's."""
    context = getattr(handle, "_context", None)
    scope = None if context is None or handle._cancelled else context.get(current_scope)
    return None if scope is None else scope.owner


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

    async def wait(self, until: float | None = None) -> None:
        """Returns at the next ring, or at once if one was kept. `until`: a time of the loop at which it rings by itself."""
        if not self._is_rung:
            loop = asyncio.get_running_loop()
            self._waiter = loop.create_future()
            alarm = None if until is None else loop.call_at(until, self.ring)
            try:
                await self._waiter
            finally:
                self._waiter = None
                if alarm is not None:
                    alarm.cancel()
        self._is_rung = False
