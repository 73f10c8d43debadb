"""Code that runs again on what its execution's record holds."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from polos._gen.polos.v1 import execution_pb2 as pb
from polos.api_errors import LeaseLostError
from polos.testing.fake_execution import FakeExecution
from polos.workflow_state import WorkflowState

from .fake_worker import activate, run_on


def one() -> int:
    return 1


async def assert_non_deterministic(execution: FakeExecution, handler: Any, *mentioned: str) -> None:
    await run_on(execution, handler)
    assert execution.failure is not None
    assert execution.failure.type == "NonDeterminismError"
    assert execution.status == pb.EXECUTION_STATUS_FAILED
    for text in mentioned:
        assert text in execution.failure.message


async def ran_with(*keys: str) -> FakeExecution:
    """An execution of which an attempt failed after these steps."""
    execution = FakeExecution()

    async def handler(ctx: Any) -> None:
        for key in keys:
            await ctx.step.run(key, one)
        raise RuntimeError("again")

    await run_on(execution, handler)
    return execution


async def test_reports_a_step_that_the_code_no_longer_asks_for() -> None:
    async def handler(ctx: Any) -> None:
        await ctx.step.run("new", one)

    await assert_non_deterministic(await ran_with("old"), handler, '"old"')


async def test_reports_a_step_that_the_code_passes_over() -> None:
    async def handler(ctx: Any) -> None:
        await ctx.step.run("a", one)
        await ctx.step.run("c", one)

    await assert_non_deterministic(await ran_with("a", "b", "c"), handler, '"b"')


async def test_reports_a_handler_that_ends_before_the_record_does() -> None:
    async def handler(ctx: Any) -> None:
        await ctx.step.run("a", one)

    await assert_non_deterministic(await ran_with("a", "b"), handler, '"b"')


async def test_reports_a_step_that_is_of_another_kind_now_whatever_the_code_catches() -> None:
    async def handler(ctx: Any) -> str:
        try:
            await ctx.step.uuid("x")
        except BaseException:
            return "went on"
        return "got a value"

    await assert_non_deterministic(await ran_with("x"), handler, "step.run", "step.uuid")


async def test_reports_a_state_that_the_replay_does_not_come_to() -> None:
    execution = FakeExecution()

    def handler_of(value: int) -> Any:
        async def handler(ctx: Any) -> None:
            ctx.state["n"] = value
            await ctx.step.run("a", one)
            await ctx.step.run("b", one)

        return handler

    def crash(_: Any) -> None:
        if len(execution.commits) == 1:
            raise LeaseLostError("crash")

    execution.before_commit = crash
    await run_on(execution, handler_of(1))
    execution.before_commit = lambda _: None
    await assert_non_deterministic(execution, handler_of(2), "/n")


async def test_does_not_compare_the_state_after_an_attempt_of_the_handler_failed() -> None:
    execution = FakeExecution()
    attempt = 0

    async def handler(ctx: Any) -> None:
        nonlocal attempt
        attempt += 1
        await ctx.step.run("a", one)
        ctx.state["attempt"] = attempt
        if attempt == 1:
            raise RuntimeError("own trouble")
        await ctx.step.run("b", one)

    await run_on(execution, handler)
    assert execution.state == {"attempt": 1}
    await run_on(execution, handler)
    assert execution.status == pb.EXECUTION_STATUS_COMPLETED
    assert execution.state == {"attempt": 2}


async def test_reports_a_child_whose_outcome_nobody_asks_for_any_more() -> None:
    execution = FakeExecution()

    def handler_of(key: str) -> Any:
        async def handler(ctx: Any) -> Any:
            return await ctx.step.invoke_and_wait(key, "child")

        return handler

    await run_on(execution, handler_of("old"))
    execution.bring("old", 1)
    await assert_non_deterministic(execution, handler_of("new"), '"old"')


async def test_reports_a_recorded_result_that_is_not_what_the_function_returns_now() -> None:
    execution = FakeExecution()

    def text() -> str:
        return "text"

    def number() -> int:
        return 1

    async def before(ctx: Any) -> None:
        await ctx.step.run("a", text)
        raise RuntimeError("again")

    async def after(ctx: Any) -> None:
        await ctx.step.run("a", number)

    await run_on(execution, before)
    await run_on(execution, after)
    assert execution.failure is not None
    assert execution.failure.type == "ResultValidationError"
    assert 'step "a"' in execution.failure.message


async def test_waits_for_code_that_does_io_of_its_own_between_steps() -> None:
    execution = FakeExecution()
    runs = 0

    async def handler(ctx: Any) -> None:
        nonlocal runs
        runs += 1
        for key in ("a", "b"):
            await asyncio.sleep(0.08)
            ctx.state[key] = await ctx.step.run(key, lambda key: key, key)
        if runs == 1:
            raise RuntimeError("again")

    await run_on(execution, handler)
    await run_on(execution, handler)
    assert execution.status == pb.EXECUTION_STATUS_COMPLETED
    assert execution.state == {"a": "a", "b": "b"}


async def test_delivers_outcomes_in_the_recorded_order_whichever_step_is_faster_this_time() -> None:
    execution = FakeExecution()
    winners: list[str] = []

    async def handler(ctx: Any) -> str:
        async def wait(seconds: float, name: str) -> str:
            await asyncio.sleep(seconds)
            return name

        slow = 0.0 if not winners else 0.03
        first = asyncio.create_task(ctx.step.run("a", wait, 0.02, "a"))
        second = asyncio.create_task(ctx.step.run("b", wait, slow, "b"))
        done, _ = await asyncio.wait([first, second], return_when=asyncio.FIRST_COMPLETED)
        winners.extend(task.result() for task in done)
        await ctx.step.run("end", one)
        if len(winners) == 1:
            raise RuntimeError("again")
        return winners[-1]

    await run_on(execution, handler)
    await run_on(execution, handler)
    assert winners == ["b", "b"]
    assert execution.result_value == "b"


async def test_accepts_a_model_that_has_more_defaults_than_the_recorded_state() -> None:
    class Before(WorkflowState):
        n: int = 0

    class After(WorkflowState):
        n: int = 0
        added: str = "new"

    execution = FakeExecution()

    async def handler(ctx: Any) -> None:
        ctx.state.n = 1
        await ctx.step.run("a", one)
        await ctx.step.run("b", one)

    def crash(_: Any) -> None:
        if len(execution.commits) == 1:
            raise LeaseLostError("crash")

    execution.before_commit = crash
    await run_on(execution, handler, state_schema=Before)
    execution.before_commit = lambda _: None
    await run_on(execution, handler, state_schema=After)
    assert execution.status == pb.EXECUTION_STATUS_COMPLETED
    assert execution.state == {"n": 1, "added": "new"}


async def test_groups_of_tasks_around_steps() -> None:
    execution = FakeExecution()
    runs = 0

    async def handler(ctx: Any) -> list[int]:
        nonlocal runs
        runs += 1
        gate = asyncio.Event()
        results: list[int] = []

        async def branch(number: int) -> None:
            results.append(await ctx.step.run(f"first {number}", lambda: number))
            if number == 2:
                gate.set()
            await gate.wait()
            results.append(await ctx.step.run(f"second {number}", lambda: number * 10))

        await asyncio.gather(*(asyncio.create_task(branch(number)) for number in range(4)))
        ctx.state["results"] = results
        await ctx.step.run("end", one)
        if runs == 1:
            raise RuntimeError("again")
        return results

    await run_on(execution, handler)
    recorded = execution.state["results"]
    await run_on(execution, handler)
    assert execution.result_value == recorded
    assert sorted(recorded) == [0, 0, 1, 2, 3, 10, 20, 30]


@pytest.mark.parametrize("is_kept", [True, False])
async def test_a_suspended_execution_goes_on_from_memory_or_by_replay(is_kept: bool) -> None:
    execution = FakeExecution()
    entered = 0

    async def handler(ctx: Any) -> str:
        nonlocal entered
        entered += 1
        ctx.state["before"] = True
        answer: str = await ctx.step.suspend("s")
        ctx.state["after"] = True
        return answer

    activation = activate(execution, handler)
    assert await activation.run() == "suspended"
    execution.resume("s", "go")
    assignment = execution.assign()
    if is_kept:
        assert activation.resume(assignment, assignment.steps, asyncio.get_running_loop().time())
        assert await activation.run() == "closed"
    else:
        activation.drop()
        await run_on(execution, handler)
    assert entered == (1 if is_kept else 2)
    assert execution.result_value == "go"
    assert execution.state == {"before": True, "after": True}
