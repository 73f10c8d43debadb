"""Loops that do not show what they hold, as uvloop: asyncio's own is asked to forget that it does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextvars import copy_context
from typing import Any

import pytest

from polos import loop_view
from polos.scope import Scope, current_scope
from polos.testing.fake_execution import FakeExecution
from polos.timers import own_timers
from polos.turn import turn

from .fake_worker import run_on
from .test_turn import begin, hops, nested, over_locks, over_queues, with_timeouts


@pytest.fixture(autouse=True)
async def view() -> AsyncIterator[loop_view.LoopView]:
    """What is learnt of a loop that shows nothing."""
    loop = asyncio.get_running_loop()
    learnt = loop_view._listen(loop)
    assert learnt is not None
    loop_view._views[loop] = learnt
    yield learnt
    for name in ("call_soon", "call_later", "call_at"):
        delattr(loop, name)
    del loop_view._views[loop]


@pytest.mark.parametrize(
    "code",
    [lambda: hops(60), lambda: nested(6), over_queues, over_locks, with_timeouts],
    ids=lambda code: code.__name__,
)
async def test_code_is_seen_to_run_as_far_as_it_can(code: Callable[[], Any], view: loop_view.LoopView) -> None:
    owner = object()
    task = begin(owner, code)
    await turn(owner)
    assert task.done()
    await task
    assert (list(view.ready), [each for each in view.scheduled if not each.cancelled()]) == ([], [])


async def test_timers_of_code_are_known_until_they_fire_or_are_cancelled(view: loop_view.LoopView) -> None:
    owner = object()
    slow = begin(owner, lambda: asyncio.sleep(60))
    quick = begin(owner, lambda: asyncio.sleep(0.001))
    others = asyncio.create_task(asyncio.sleep(60))
    await turn(owner)
    first, second = own_timers(owner)
    assert first.when() < second.when()
    await quick
    assert own_timers(owner) == [second]
    slow.cancel()
    await asyncio.wait([slow])
    assert (own_timers(owner), len(view.scheduled)) == ([], 0)
    others.cancel()


async def test_callbacks_run_in_their_own_context_and_not_once_they_are_cancelled() -> None:
    loop = asyncio.get_running_loop()
    found: list[object] = []

    def ask() -> None:
        current_scope.set(Scope("owner", "execution"))
        loop.call_soon(lambda: found.append(current_scope.get()))
        loop.call_soon(found.append, "cancelled").cancel()
        loop.call_at(loop.time(), found.append, "at")
        loop.call_later(0, found.append, "later").cancel()

    copy_context().run(ask)
    await asyncio.sleep(0.01)
    assert found == [Scope("owner", "execution"), "at"]


async def test_a_timeout_around_a_wait_fires_here_and_on_replay() -> None:
    execution = FakeExecution()
    runs = 0

    async def handler(ctx: Any) -> str:
        nonlocal runs
        runs += 1
        try:
            await asyncio.wait_for(ctx.step.suspend("s"), 0.01)
        except (TimeoutError, asyncio.TimeoutError):
            await ctx.step.run("after", lambda: None)
        if runs == 1:
            raise RuntimeError("again")
        return "timeout"

    await run_on(execution, handler)
    await run_on(execution, handler)
    assert (runs, execution.result_value) == (2, "timeout")
