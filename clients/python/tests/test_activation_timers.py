"""Timeouts and cancelled tasks of the code's own."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from polos._gen.polos.v1 import execution_pb2 as pb
from polos.errors import StepExecutionError
from polos.testing.fake_execution import FakeExecution

from .fake_worker import run_on


def one() -> int:
    return 1


async def test_a_timeout_around_a_step_decides_the_same_on_replay() -> None:
    execution = FakeExecution()
    seen: list[str] = []

    async def slow() -> str:
        await asyncio.sleep(0.1)
        return "slow"

    async def handler(ctx: Any) -> str:
        task = asyncio.create_task(ctx.step.run("slow", slow))
        try:
            seen.append(await asyncio.wait_for(asyncio.shield(task), 0.02))
        except (TimeoutError, asyncio.TimeoutError):
            seen.append("timeout")
        await ctx.step.run("after", one)
        seen.append(await task)
        if len(seen) == 2:
            raise RuntimeError("again")
        return seen[-1]

    await run_on(execution, handler)
    await run_on(execution, handler)
    assert seen == ["timeout", "slow"] * 2
    assert execution.status == pb.EXECUTION_STATUS_COMPLETED


async def test_a_step_that_the_code_stopped_waiting_for_is_cancelled_and_not_given_on_replay_either() -> None:
    execution = FakeExecution()
    runs = 0
    cancelled: list[str] = []

    async def slow() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append("slow")
            raise
        return "slow"

    async def handler(ctx: Any) -> str:
        nonlocal runs
        runs += 1
        try:
            # Its time is up long after a replay would be given up.
            return await asyncio.wait_for(ctx.step.run("slow", slow), 0.01 if runs == 1 else 600)
        except (TimeoutError, asyncio.TimeoutError):
            await ctx.step.run("instead", one)
        if runs == 1:
            raise RuntimeError("again")
        return "timeout"

    await run_on(execution, handler)
    assert [each.key for each in execution.steps] == ["slow", "instead"]
    assert cancelled == ["slow"]
    await run_on(execution, handler)
    assert execution.result_value == "timeout"


async def test_timers_of_the_code_fire_on_replay_before_what_came_after_them() -> None:
    execution = FakeExecution()
    runs = 0
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.002)
            beats += 1

    async def handler(ctx: Any) -> str:
        nonlocal runs
        runs += 1
        beating = asyncio.create_task(beat())
        waiting = asyncio.create_task(ctx.step.suspend("s"))
        _, pending = await asyncio.wait([waiting], timeout=0.01 if runs == 1 else 600)
        await ctx.step.run("reminder", one)
        if runs == 1:
            raise RuntimeError("again")
        beating.cancel()
        waiting.cancel()
        return "done" if pending else "not reminded"

    await run_on(execution, handler)
    await run_on(execution, handler)
    assert execution.result_value == "done"


async def test_a_timeout_around_a_wait_for_the_server_fires_here() -> None:
    execution = FakeExecution()

    async def handler(ctx: Any) -> str:
        try:
            await asyncio.wait_for(ctx.step.suspend("s"), 0.02)
        except (TimeoutError, asyncio.TimeoutError):
            await ctx.step.suspend("t")
        return "done"

    assert await run_on(execution, handler) == "suspended"
    assert [each.step_key for each in execution.waits] == ["s", "t"]


async def test_a_step_that_the_code_stopped_waiting_for_is_not_tried_again() -> None:
    execution = FakeExecution()
    calls = 0

    async def handler(ctx: Any) -> None:
        def fail() -> None:
            nonlocal calls
            calls += 1
            raise ValueError("bad")

        try:
            await asyncio.wait_for(ctx.step.run("bad", fail, base_delay=0.05), 0.02)
        except (TimeoutError, asyncio.TimeoutError):
            await ctx.step.run("other", asyncio.sleep, 0.2)

    assert await run_on(execution, handler) == "closed"
    assert calls == 1


async def test_what_a_failed_branch_cancels_is_cancelled_on_replay() -> None:
    execution = FakeExecution()
    runs = 0

    def fail() -> None:
        raise ValueError("bad")

    async def handler(ctx: Any) -> str:
        nonlocal runs
        runs += 1
        other = asyncio.create_task(ctx.step.run("other", asyncio.sleep, 60))
        try:
            await ctx.step.run("bad", fail, max_retries=0)
        except StepExecutionError:
            other.cancel()
            await asyncio.wait([other])
        await ctx.step.run("after", one)
        if runs == 1:
            raise RuntimeError("again")
        return "cancelled" if other.cancelled() else "done"

    await run_on(execution, handler)
    await run_on(execution, handler)
    assert execution.result_value == "cancelled"
    assert [each.key for each in execution.steps] == ["bad", "other", "after"]


async def test_nothing_is_suspended_while_the_code_is_at_something_else() -> None:
    execution = FakeExecution()

    async def handler(ctx: Any) -> str:
        try:
            await asyncio.wait_for(ctx.step.suspend("s"), 0.01)
        except (TimeoutError, asyncio.TimeoutError):
            # I/O of its own, which no timer shows.
            await asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.05)
        return "done"

    assert await run_on(execution, handler) == "closed"
    assert execution.result_value == "done"
