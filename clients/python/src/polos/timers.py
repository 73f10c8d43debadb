"""Timers that code set itself: `asyncio.sleep`, `asyncio.timeout`, `asyncio.wait_for`."""

from __future__ import annotations

import asyncio

from .loop_view import view_of
from .scope import current_scope

_SKIPS_MAX = 1_000
"""Timers that fire early without the code getting on, before it counts as one that never will."""


def own_timers(owner: object) -> list[asyncio.TimerHandle]:
    """The timers that a handler's own code waits for, not those of its steps' functions, in the order of their times.

    None on a loop of which nothing can be learnt.
    """
    view = view_of(asyncio.get_running_loop())
    scheduled = [] if view is None else view.scheduled
    own = [handle for handle in scheduled if not handle.cancelled() and _is_of(handle, owner)]
    return sorted(own, key=lambda handle: handle.when())


class TimeSkipper:
    """Lets the time pass for code that did get on when its timers fired, as the record says, and is being replayed.

    Timers fire early, one each time, those first that are due first; one that is set anew has to wait for all others.
    """

    def __init__(self, owner: object) -> None:
        self._owner = owner
        self._reason: object = None
        self._timers: list[asyncio.TimerHandle] = []
        self._skips = 0

    def skip(self, reason: object) -> bool:
        """Fires the next timer. `reason`: what the code has to get to; for another one it begins anew.

        Returns False if there is none, or too many fired for this reason.
        """
        if reason is not self._reason:
            self._reason, self._timers, self._skips = reason, [], 0
        waiting = [timer for timer in self._timers if not timer.cancelled()] or own_timers(self._owner)
        self._skips += 1
        if not waiting or self._skips > _SKIPS_MAX:
            return False
        timer, *self._timers = waiting
        timer._run()
        timer.cancel()
        return True


def _is_of(handle: asyncio.TimerHandle, owner: object) -> bool:
    context = getattr(handle, "_context", None)
    scope = None if context is None else context.get(current_scope)
    return scope is not None and scope.owner is owner and scope.step is None
