"""`ctx.state` while a handler runs."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any

import pytest

from polos._gen.polos.v1 import execution_pb2 as pb
from polos.context import WorkflowContext
from polos.errors import StateConflictError
from polos.testing.fake_execution import FakeExecution
from polos.workflow_state import WorkflowState

from .fake_worker import run_on


class Counter(WorkflowState):
    n: int = 0
    log: list[str] = []


def one() -> int:
    return 1


async def test_the_changes_of_a_step_s_function_are_part_of_the_step() -> None:
    execution = FakeExecution()
    tries = 0

    async def handler(ctx: WorkflowContext[Counter]) -> None:
        ctx.state.log = ["start"]

        def body() -> None:
            nonlocal tries
            tries += 1
            ctx.state.log.append(f"try {tries}")
            if tries == 1:
                raise RuntimeError("once")

        await ctx.step.run("a", body, base_delay=0.001)
        assert ctx.state.log == ["start", "try 2"]

    await run_on(execution, handler, state_schema=Counter)
    assert execution.state == {"n": 0, "log": ["start", "try 2"]}


@pytest.mark.parametrize("is_async", [True, False])
async def test_merges_appends_of_parallel_steps_and_refuses_conflicting_changes(is_async: bool) -> None:
    execution = FakeExecution()
    conflicts: list[Any] = []

    async def handler(ctx: WorkflowContext[Counter]) -> None:
        def append(text: str) -> None:
            ctx.state.log.append(text)

        def increment() -> None:
            ctx.state.n += 1

        async def append_async(text: str) -> None:
            append(text)
            await asyncio.sleep(0)

        async def increment_async() -> None:
            increment()
            await asyncio.sleep(0)

        appending: Any = append_async if is_async else append
        incrementing: Any = increment_async if is_async else increment
        await asyncio.gather(ctx.step.run("a", appending, "a"), ctx.step.run("b", appending, "b"))
        both = (ctx.step.run("c", incrementing), ctx.step.run("d", incrementing))
        conflicts.extend(each for each in await asyncio.gather(*both, return_exceptions=True) if each is not None)

    await run_on(execution, handler, state_schema=Counter)
    assert sorted(execution.state["log"]) == ["a", "b"]
    if not is_async and not conflicts:  # In threads the second may have begun after the first was merged.
        assert execution.state["n"] == 2
        return
    assert execution.state["n"] == 1
    [conflict] = conflicts
    assert isinstance(conflict, StateConflictError)
    assert conflict.path == "/n"


async def test_fails_for_good_with_the_last_valid_state_when_the_state_breaks_its_schema() -> None:
    execution = FakeExecution()

    async def handler(ctx: Any) -> None:
        ctx.state.n = 1
        await ctx.step.run("a", one)
        await ctx.step.run("b", one)
        ctx.state.log.append(2)
        await ctx.step.run("c", one)

    await run_on(execution, handler, state_schema=Counter)
    assert execution.failure is not None
    assert execution.status == pb.EXECUTION_STATUS_FAILED
    assert execution.failure.type == "StateValidationError"
    assert "/log/0" in execution.failure.message
    assert execution.state == {"n": 1, "log": []}


async def test_refuses_an_initial_state_before_the_handler_runs() -> None:
    execution = FakeExecution(None, {"n": "x"})
    ran = False

    async def handler(ctx: Any) -> None:
        nonlocal ran
        ran = True

    await run_on(execution, handler, state_schema=Counter)
    assert not ran
    assert execution.failure is not None
    assert (execution.failure.type, execution.failure.retryable) == ("StateValidationError", False)


@pytest.mark.parametrize("value", [datetime.date(2026, 1, 1), float("nan"), {1, 2}, (1,), b"x", object()])
async def test_never_hangs_when_the_state_holds_what_json_cannot(value: Any) -> None:
    execution = FakeExecution()

    async def handler(ctx: Any) -> None:
        ctx.state["x"] = value

    await run_on(execution, handler)
    assert execution.failure is not None
    assert execution.status == pb.EXECUTION_STATUS_FAILED
    assert execution.failure.type == "StateValidationError"
    assert "/x" in execution.failure.message


async def test_fails_with_a_state_size_error_when_the_state_grows_too_large() -> None:
    execution = FakeExecution()

    async def handler(ctx: Any) -> None:
        ctx.state["text"] = "x" * 1_000_000
        await ctx.step.run("a", one)
        await ctx.step.run("b", one)
        ctx.state["more"] = "ü" * 30_000
        await ctx.step.run("c", one)

    await run_on(execution, handler)
    assert execution.failure is not None
    assert execution.failure.type == "StateSizeError"
    assert [each.key for each in execution.steps] == ["a", "b"]
    assert list(execution.state) == ["text"]


def break_list(state: Any) -> None:
    state.log.append(5)


def break_depth(state: Any) -> None:
    value: Any = 1
    for _ in range(64):
        value = [value]
    state.any = value


def break_date(state: Any) -> None:
    state.any = [datetime.date(2026, 1, 1)]


class Loose(Counter):
    any: Any = None


@pytest.mark.parametrize(("change", "path"), [(break_list, "/log/0"), (break_depth, "/any/0"), (break_date, "/any")])
async def test_fails_for_good_when_a_step_s_function_breaks_the_state_whatever_the_handler_catches(
    change: Any, path: str
) -> None:
    execution = FakeExecution()
    calls = 0

    async def handler(ctx: Any) -> None:
        ctx.state.n = 1
        await ctx.step.run("kept", one)

        def spoil() -> None:
            nonlocal calls
            calls += 1
            change(ctx.state)

        try:
            await ctx.step.run("broken", spoil)
        except BaseException:
            await ctx.step.run("caught", one)

    await run_on(execution, handler, state_schema=Loose)
    assert (execution.status, calls) == (pb.EXECUTION_STATUS_FAILED, 1)
    assert execution.failure is not None
    assert execution.failure.type == "StateValidationError"
    assert path in execution.failure.message
    assert [each.key for each in execution.steps] == ["kept"]
    assert execution.state == {"n": 1, "log": [], "any": None}


async def test_records_no_step_without_its_change_of_the_state_where_that_cannot_be_saved() -> None:
    execution = FakeExecution()

    async def handler(ctx: Any) -> None:
        async def grow() -> None:
            ctx.state["more"] = "x" * 50_000

        async def nothing() -> None:
            return None

        ctx.state["text"] = "x" * 1_000_000
        await ctx.step.run("a", nothing)
        await asyncio.gather(ctx.step.run("b", nothing), ctx.step.run("c", grow), ctx.step.run("d", nothing))

    await run_on(execution, handler)
    assert execution.failure is not None
    assert execution.failure.type == "StateSizeError"
    assert [each.key for each in execution.steps] == ["a", "b"]
    assert list(execution.state) == ["text"]


async def test_tries_a_step_again_with_the_handler_if_the_state_of_its_attempt_cannot_be_saved() -> None:
    execution = FakeExecution()
    calls = 0

    async def handler(ctx: Any) -> None:
        def count() -> None:
            nonlocal calls
            calls += 1
            ctx.state["calls"] = calls

        await ctx.step.run("a", count)
        if calls == 1:
            ctx.state["bad"] = float("nan")
            raise RuntimeError("once")

    await run_on(execution, handler)
    assert (execution.steps, execution.state) == ([], {})
    await run_on(execution, handler)
    assert execution.status == pb.EXECUTION_STATUS_COMPLETED
    assert execution.state == {"calls": 2}


async def test_a_reference_into_the_state_stays_valid_over_steps() -> None:
    execution = FakeExecution()

    async def handler(ctx: WorkflowContext[Counter]) -> None:
        state, log = ctx.state, ctx.state.log
        log.append("before")

        def body() -> None:
            ctx.state.log.append("step")

        await ctx.step.run("a", body)
        log.append("after")
        state.n = len(log)

    await run_on(execution, handler, state_schema=Counter)
    assert execution.state == {"n": 3, "log": ["before", "step", "after"]}
