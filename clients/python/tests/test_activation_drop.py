"""Executions that a worker may no longer run."""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import Any

import pytest

from polos.testing.fake_execution import FakeExecution

from .fake_worker import activate


async def test_code_that_is_dropped_while_it_waits_is_stopped_without_a_sound(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    execution = FakeExecution()
    lock = asyncio.Lock()
    ends: list[str] = []

    async def handler(ctx: Any) -> None:
        async def branch(name: str) -> None:
            try:
                await ctx.step.suspend(name)
            finally:
                ends.append(name)
                await ctx.step.run(f"clean {name}", lambda: ends.append("must not run"))

        async with lock:
            tasks = [asyncio.create_task(branch(name)) for name in "ab"]
            try:
                await asyncio.gather(*tasks, branch("c"))
            finally:
                ctx.state["ended"] = True

    with caplog.at_level(logging.DEBUG, "asyncio"):
        activation = activate(execution, handler)
        assert await activation.run() == "suspended"
        commits = len(execution.commits)
        assert lock.locked()
        activation.drop()
        del activation
        for _ in range(5):
            await asyncio.sleep(0)
            gc.collect()
    assert not lock.locked()
    assert sorted(ends) == ["a", "b", "c"]
    assert len(execution.commits) == commits
    assert [record.getMessage() for record in caplog.records if record.levelno > logging.DEBUG] == []
    assert capfd.readouterr().err == ""


async def test_code_that_will_not_stop_is_left_where_it_waits(caplog: pytest.LogCaptureFixture) -> None:
    execution = FakeExecution()
    tries = 0
    is_over = False

    async def handler(ctx: Any) -> None:
        nonlocal tries
        while not is_over:
            try:
                await ctx.step.suspend(f"s{tries}")
            except BaseException:
                tries += 1

    activation = activate(execution, handler)
    assert await activation.run() == "suspended"
    activation.drop()
    for _ in range(300):
        await asyncio.sleep(0)
    assert 0 < tries < 200
    is_over = True  # The event loop's end is the next that it catches.


async def test_what_a_closed_execution_left_running_is_stopped() -> None:
    execution = FakeExecution()
    ends: list[str] = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ends.append("function")

    async def handler(ctx: Any) -> str:
        async def forgotten() -> None:
            try:
                await ctx.step.run("slow", slow)
            finally:
                ends.append("branch")

        forgotten_task = asyncio.create_task(forgotten())
        await ctx.step.run("quick", lambda: 1)
        return type(forgotten_task).__name__

    assert await activate(execution, handler).run() == "closed"
    for _ in range(5):
        await asyncio.sleep(0)
    assert sorted(ends) == ["branch", "function"]
    assert execution.result_value == "Task"
