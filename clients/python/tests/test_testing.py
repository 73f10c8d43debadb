"""Workflows in tests, without a server."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any

import pytest
from pydantic import BaseModel

from polos import (
    BatchWorkflowInput,
    PayloadValidationError,
    StepExecutionError,
    WaitTimeoutError,
    WorkflowContext,
    WorkflowFailedError,
    WorkflowState,
    workflow,
)
from polos.testing import WorkflowRun


class Order(BaseModel):
    total: int


class Receipt(BaseModel):
    total: int
    approved: bool


class OrderState(WorkflowState):
    approved: bool = False
    log: list[str] = []


@workflow(auto_register=False)
async def charge(ctx: WorkflowContext, order: Order) -> int:
    await ctx.step.wait_for("settle", days=2)
    return order.total


@workflow(auto_register=False, state_schema=OrderState)
async def order_workflow(ctx: WorkflowContext[OrderState], order: Order) -> Receipt:
    ctx.state.log.append("begun")
    decision = await ctx.step.suspend("approval", {"total": order.total}, timeout=3_600)
    ctx.state.approved = decision["ok"]
    total = await ctx.step.invoke_and_wait("charge", charge, order)
    await ctx.step.publish_event("tell", "orders", {"total": total}, "charged")
    ctx.state.log.append("charged")
    return Receipt(total=total, approved=ctx.state.approved)


async def test_runs_a_workflow_with_its_children_and_lets_time_pass() -> None:
    run = WorkflowRun(order_workflow, Order(total=5), workflows=[charge], now=datetime.datetime(2026, 1, 1))
    await run.advance()
    assert run.waits_for == ["approval"]
    assert run.suspended_with("approval") == {"total": 5}
    assert run.state == {"approved": False, "log": ["begun"]}
    with pytest.raises(RuntimeError, match="approval"):
        await WorkflowRun(waiting_for_ever).result()
    run.resume("approval", {"ok": True})
    await run.skip(days=1)
    assert run.waits_for == ["charge"]
    assert await run.result() == Receipt(total=5, approved=True)
    assert run.now == datetime.datetime(2026, 1, 3, tzinfo=datetime.timezone.utc)
    assert run.state == {"approved": True, "log": ["begun", "charged"]}
    assert run.steps == ["approval", "charge", "tell"]
    assert run.published == [("orders", "charged", {"total": 5})]


@workflow(auto_register=False)
async def waiting_for_ever(ctx: WorkflowContext) -> None:
    await ctx.step.suspend("approval")


async def test_a_timeout_ends_a_wait_when_its_time_has_come() -> None:
    run = WorkflowRun(order_workflow, {"total": 5}, workflows=[charge])
    await run.skip(minutes=59)
    assert not run.is_final
    with pytest.raises(WorkflowFailedError) as caught:
        await run.result()
    assert caught.value.error_type == "WaitTimeoutError"


async def test_what_can_be_refused_at_the_start_is() -> None:
    with pytest.raises(PayloadValidationError):
        WorkflowRun(order_workflow, {"total": "much"})


async def test_events_come_to_whoever_waits_for_them_once_and_in_order() -> None:
    @workflow(auto_register=False)
    async def listener(ctx: WorkflowContext) -> list[Any]:
        events = [await ctx.step.wait_for_event(f"e{number}", "news") for number in range(3)]
        try:
            await ctx.step.wait_for_event("late", "news", timeout=60)
        except WaitTimeoutError:
            return [event.data for event in events]
        return []

    run = WorkflowRun(listener)
    run.publish("news", 1)
    run.publish("news", 2)
    await run.advance()
    run.publish("news", 3)
    assert await run.result() == [1, 2, 3]


async def test_retries_do_not_wait_and_children_may_fail() -> None:
    calls: list[str] = []

    @workflow(auto_register=False, max_retries=1)
    async def child(ctx: WorkflowContext, number: int) -> int:
        calls.append("child")
        if number == 2:
            raise ValueError("two")
        return number

    @workflow(auto_register=False)
    async def parent(ctx: WorkflowContext) -> Any:
        def flaky() -> None:
            calls.append("flaky")
            if calls.count("flaky") < 3:
                raise RuntimeError("again")

        await ctx.step.run("flaky", flaky, base_delay=3_600, max_delay=3_600)
        results = await ctx.step.batch_invoke_and_wait("many", [BatchWorkflowInput(child, n) for n in (1, 2, 3)])
        try:
            await ctx.step.invoke_and_wait("bad", child, 2)
        except StepExecutionError as error:
            return [[each.success for each in results], error.cause.type]
        return None

    run = WorkflowRun(parent, workflows=[child])
    assert await asyncio.wait_for(run.result(), 30) == [[True, False, True], "ValueError"]
    assert calls == ["flaky"] * 3 + ["child"] * 6
    with pytest.raises(LookupError, match="child"):
        await WorkflowRun(parent).result()


async def test_code_that_is_not_deterministic_shows() -> None:
    runs: list[int] = []

    @workflow(auto_register=False)
    async def moody(ctx: WorkflowContext) -> None:
        runs.append(1)
        await ctx.step.run(f"run {len(runs)}", lambda: 1)
        await ctx.step.wait_for("nap", seconds=1)

    with pytest.raises(WorkflowFailedError) as caught:
        await WorkflowRun(moody).result()
    assert caught.value.error_type == "NonDeterminismError"


async def test_the_clock_of_the_test_is_that_of_the_code() -> None:
    @workflow(auto_register=False)
    async def clock(ctx: WorkflowContext) -> list[int]:
        first = await ctx.step.now("first")
        await ctx.step.wait_until("later", datetime.datetime(2000, 1, 3))
        return [first, await ctx.step.now("second")]

    start = datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc)
    first, second = await WorkflowRun(clock, now=start).result()
    assert first == start.timestamp() * 1_000
    assert second == first + 2 * 86_400_000
