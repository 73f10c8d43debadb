"""What an event loop still has to do for the code of handlers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection
from contextvars import Context, copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from .scope import current_scope


@dataclass(frozen=True)
class LoopView:
    """The callbacks that a loop holds, as asyncio's handles."""

    ready: Collection[asyncio.Handle]
    """Those that it calls next."""
    scheduled: Collection[asyncio.TimerHandle]
    """Those that wait for their times; some may be cancelled."""


_views: WeakKeyDictionary[asyncio.AbstractEventLoop, LoopView | None] = WeakKeyDictionary()


def view_of(loop: asyncio.AbstractEventLoop) -> LoopView | None:
    """The view of a loop. asyncio's own loops show what they hold. Of others, such as uvloop, it is learnt as code asks for
    it, from the first call of this on: call it before that code begins.

    Returns None for a loop of which nothing can be learnt.
    """
    if loop not in _views:
        ready, scheduled = getattr(loop, "_ready", None), getattr(loop, "_scheduled", None)
        is_open = ready is not None and scheduled is not None
        _views[loop] = LoopView(ready, scheduled) if is_open else _listen(loop)  # type: ignore[arg-type]
    return _views[loop]


def _listen(loop: asyncio.AbstractEventLoop) -> LoopView | None:
    """Has a loop note what the code of handlers asks of it; all other callbacks go to it as they are."""
    ready: set[asyncio.Handle] = set()
    scheduled: set[asyncio.TimerHandle] = set()
    call_soon, call_at, call_later = loop.call_soon, loop.call_at, loop.call_later

    def noting_call_soon(callback: Callable[..., Any], *args: Any, context: Context | None = None) -> asyncio.Handle:
        if not _is_code(context):
            return call_soon(callback, *args, context=context)
        handle = _Noted(callback, args, loop, context or copy_context())
        handle.give_to(ready, call_soon)
        return handle

    def noting_call_at(
        when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        if not _is_code(context):
            return call_at(when, callback, *args, context=context)
        handle = _NotedTimer(when, callback, args, loop, context or copy_context())
        handle.give_to(scheduled, partial(call_at, when))
        return handle

    def noting_call_later(
        delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        if not _is_code(context):
            return call_later(delay, callback, *args, context=context)
        return noting_call_at(loop.time() + delay, callback, *args, context=context)

    noting = {"call_soon": noting_call_soon, "call_later": noting_call_later, "call_at": noting_call_at}
    with contextlib.suppress(AttributeError):
        for name, method in noting.items():
            setattr(loop, name, method)
        return LoopView(ready, scheduled)
    return None


def _is_code(context: Context | None) -> bool:
    return (current_scope.get() if context is None else context.get(current_scope)) is not None


class _Noted(asyncio.Handle):
    """A callback that is known from when a loop is given it until it has called it, or it is cancelled."""

    _notes: set[Any]
    _real: asyncio.Handle

    def give_to(self, notes: set[Any], call: Callable[..., asyncio.Handle]) -> None:
        self._notes = notes
        notes.add(self)
        # It enters its own context.
        self._real = call(self._fire, context=Context())

    def cancel(self) -> None:
        asyncio.Handle.cancel(self)  # asyncio's timers tell a loop of their own kind.
        self._notes.discard(self)
        self._real.cancel()

    def _fire(self) -> None:
        self._notes.discard(self)
        if not self.cancelled():
            self._run()


class _NotedTimer(_Noted, asyncio.TimerHandle):
    """One that has a time."""
