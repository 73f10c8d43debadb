from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from polos._gen.polos.v1 import execution_pb2 as pb
from polos.errors import StepExecutionError
from polos.scope import step_attempt
from polos.testing.fake_execution import FakeExecution

from .fake_worker import activate, commands_of, run_on, until


async def test_commits_each_step_and_the_last_one_together_with_the_end() -> None:
    execution = FakeExecution({"a": 1}, {"n": 1})

    async def handler(ctx: Any, payload: dict[str, int]) -> Any:
        ctx.state["started"] = True
        first = await ctx.step.run("one", lambda: payload["a"] + 1)
        ctx.state["n"] += first

        async def deep() -> Any:
            return {"deep": [first]}

        return await ctx.step.run("two", deep)

    assert await run_on(execution, handler) == "closed"
    assert execution.result_value == {"deep": [2]}
    assert execution.state == {"n": 3, "started": True}
    assert commands_of(execution) == [
        ["step_completed", "state_changed"],
        ["step_completed", "execution_completed"],
    ]
    assert len(execution.revisions) == 2


async def test_completes_a_handler_without_steps_in_one_commit() -> None:
    execution = FakeExecution()

    async def handler(ctx: Any) -> None:
        ctx.state = {"a": {"b": None}}

    await run_on(execution, handler)
    assert commands_of(execution) == [["state_changed", "execution_completed"]]
    assert execution.result is None
    assert execution.state == {"a": {"b": None}}


async def test_never_starts_a_function_before_the_commit_before_it_is_acknowledged() -> None:
    execution = FakeExecution()
    log: list[str] = []

    async def before(_: Any) -> None:
        log.append("commit")
        await asyncio.sleep(0.005)

    execution.before_commit = before
    execution.after_commit = lambda _: log.append("done")

    async def handler(ctx: Any) -> None:
        await ctx.step.run("a", log.append, "a")
        await asyncio.gather(ctx.step.run("b", log.append, "b"), ctx.step.run("c", log.append, "c"))

    await run_on(execution, handler)
    assert log[:3] == ["a", "commit", "done"]
    assert sorted(log[3:5]) == ["b", "c"]
    assert log[-1] == "done"


async def test_keeps_what_a_failed_step_raised_live_and_on_replay_alike() -> None:
    execution = FakeExecution()
    seen: list[StepExecutionError] = []
    calls = 0

    def fail() -> None:
        nonlocal calls
        calls += 1
        raise ValueError("too far")

    async def handler(ctx: Any) -> str:
        try:
            await ctx.step.run("bad", fail, max_retries=1, base_delay=0.001)
        except StepExecutionError as error:
            seen.append(error)
        if len(seen) == 1:
            raise RuntimeError("again")
        return "done"

    await run_on(execution, handler)
    assert execution.status == pb.EXECUTION_STATUS_QUEUED
    await run_on(execution, handler)
    assert execution.result_value == "done"
    assert calls == 2
    assert len(seen) == 2
    for error in seen:
        assert str(error) == 'step "bad" failed after 2 attempts: too far'
        assert error.attempts == 2
        assert (error.cause.type, error.cause.message) == ("ValueError", "too far")
        assert error.__cause__ is error.cause


async def test_replays_results_exactly() -> None:
    values = [0, False, "", None, [], {}, {"a": [None]}, -1.5, "ü", True, 1]
    execution = FakeExecution()
    rounds: list[list[Any]] = []

    async def handler(ctx: Any) -> None:
        values_of_round: list[Any] = []
        rounds.append(values_of_round)
        for index, value in enumerate(values):
            values_of_round.append(await ctx.step.run(f"s{index}", lambda value: value, value))
        if len(rounds) == 1:
            raise RuntimeError("again")

    await run_on(execution, handler)
    await run_on(execution, handler)
    assert [[repr(value) for value in values_of_round] for values_of_round in rounds] == [list(map(repr, values))] * 2
    assert len(execution.steps) == len(values)


async def test_ends_for_good_when_a_key_is_used_twice() -> None:
    execution = FakeExecution()

    async def handler(ctx: Any) -> None:
        await ctx.step.run("same", lambda: 1)
        await ctx.step.run("same", lambda: 2)

    await run_on(execution, handler)
    assert execution.status == pb.EXECUTION_STATUS_FAILED
    assert execution.failure is not None
    assert execution.failure.type == "DuplicateStepKeyError"
    assert '"same"' in execution.failure.message


async def test_cancels_what_the_code_waits_for_and_saves_the_state() -> None:
    execution = FakeExecution()
    seen: list[Any] = []

    async def long() -> None:
        attempt = step_attempt()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append(type(attempt.signal.reason).__name__)
            raise

    async def handler(ctx: Any) -> None:
        ctx.state["begun"] = True
        await ctx.step.run("a", lambda: 1)
        try:
            await ctx.step.run("long", long)
        except Exception as error:
            seen.append(ctx.cancel_event.is_set())
            ctx.state["ended"] = type(error).__name__
            raise

    activation = activate(execution, handler)

    def after(_: Any) -> None:
        asyncio.get_running_loop().call_later(0.005, activation.cancel)

    execution.after_commit = after
    assert await activation.run() == "closed"
    assert sorted(map(str, seen)) == ["True", "WorkflowCancelledError"]
    assert execution.status == pb.EXECUTION_STATUS_CANCELLED
    assert execution.state == {"begun": True, "ended": "WorkflowCancelledError"}


async def test_refuses_steps_within_the_function_of_a_step() -> None:
    execution = FakeExecution()

    async def handler(ctx: Any) -> None:
        await ctx.step.run("outer", lambda: ctx.step.run("inner", lambda: 1))

    await run_on(execution, handler)
    assert execution.failure is not None
    assert execution.failure.cause.type == "InvalidStepError"
    assert [len(each.attempts) for each in execution.steps] == [1]


async def test_commits_nothing_more_once_the_lease_is_lost() -> None:
    execution = FakeExecution()
    ends: list[str] = []

    async def handler(ctx: Any) -> None:
        async def lose() -> None:
            activation.drop()

        try:
            await ctx.step.run("a", lose)
        finally:
            ends.append("finally")
            with pytest.raises(asyncio.CancelledError):
                await ctx.step.run("b", lambda: 1)

    activation = activate(execution, handler)
    assert await activation.run() == "dropped"
    await asyncio.sleep(0.01)
    assert execution.commits == []
    assert ends == ["finally"]


async def test_runs_no_code_of_an_execution_that_was_lost_before_it_began() -> None:
    execution = FakeExecution()
    ran: list[str] = []

    async def handler(ctx: Any) -> None:
        ran.append("handler")

    activation = activate(execution, handler)
    activation.drop()
    assert await activation.run() == "dropped"
    await asyncio.sleep(0.01)
    assert ran == []


@pytest.mark.parametrize("is_async", [True, False])
async def test_runs_handlers_that_are_not_async_in_a_thread(is_async: bool) -> None:
    execution = FakeExecution({"n": 2})

    def handler(ctx: Any, payload: dict[str, int]) -> int:
        ctx.state["n"] = payload["n"]
        return payload["n"] + 1

    async def async_handler(ctx: Any, payload: dict[str, int]) -> int:
        return handler(ctx, payload)

    await run_on(execution, async_handler if is_async else handler)
    assert execution.result_value == 3
    assert execution.state == {"n": 2}


async def test_tries_a_step_again_only_while_its_lease_is_surely_held() -> None:
    execution = FakeExecution()
    calls = 0

    def fail() -> None:
        nonlocal calls
        calls += 1
        raise OSError("not yet")

    async def handler(ctx: Any) -> None:
        await ctx.step.run("a", fail, max_retries=9, base_delay=1, max_delay=1)

    # The delay, 0.75 s at least, is longer than the two thirds of a lease of a second for which it is surely held.
    activation = activate(execution, handler)
    end = asyncio.create_task(activation.run())
    await asyncio.sleep(1.6)
    assert calls == 1
    activation.confirm(time.monotonic())
    await until(lambda: calls == 2)
    await asyncio.sleep(1.6)
    activation.drop()
    assert await end == "dropped"
    await activation.when_still()
    assert calls == 2
