"""Workflows of all sorts, on a real server with a real worker."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import Field

from polos import (
    BatchEventPayload,
    BatchWorkflowInput,
    EventData,
    EventPayload,
    EventTriggerPayload,
    Invocation,
    PolosClient,
    ResultValidationError,
    SchedulePayload,
    StepExecutionError,
    WaitTimeoutError,
    WorkflowContext,
    WorkflowState,
    workflow,
)
from polos.state.patch import PatchOperation

from .definitions import Counter, Order, Receipt, unlisted
from .real_server import serving


async def test_models_go_in_and_come_out(client: PolosClient) -> None:
    at = datetime(2026, 11, 23, tzinfo=timezone.utc)

    @workflow(id="py.models", state_schema=Counter, auto_register=False)
    async def models(ctx: WorkflowContext[Counter], order: Order) -> Receipt:
        async def charge(order: Order) -> Receipt:
            return Receipt(order.amount, at)

        receipt = await ctx.step.run("charge", charge, order)
        assert isinstance(receipt, Receipt)
        ctx.state.seen.append(order.item)
        ctx.state.n += 1
        return receipt

    async with serving(client, models):
        execution = models(client, Order(item="a"), initial_state=Counter(n=5))
        assert await execution == Receipt(1, at)
        assert not await execution.cancel()
        assert await models(client, {"item": "b", "amount": 3}) == Receipt(3, at)
        handle = await client.invoke("py.models", {"item": "c"}, initial_state={"n": 1})
        assert await handle.get_result() == {"number": 1, "at": "2026-11-23T00:00:00Z"}
        assert (await handle.state()).value == {"n": 2, "seen": ["c"]}

        @workflow(id="py.models", output_schema=Order, auto_register=False)
        async def other(ctx: WorkflowContext, order: Order) -> None: ...

        with pytest.raises(ResultValidationError, match="/item"):
            await other(client, Order(item="a"))


async def test_a_function_that_is_not_async_runs_in_a_thread(client: PolosClient) -> None:
    loop_thread = threading.get_ident()

    @unlisted(id="py.threads")
    def threaded(ctx: WorkflowContext, n: int) -> bool:
        ctx.state["n"] = n
        time.sleep(0.05)
        return threading.get_ident() != loop_thread

    async with serving(client, threaded):
        executions = [threaded(client, n) for n in range(20)]
        assert all(await asyncio.gather(*executions))
        assert (await executions[7].state()).value == {"n": 7}


async def test_children_waits_and_values(client: PolosClient) -> None:
    @unlisted(id="py.child", max_retries=0)
    async def child(ctx: WorkflowContext, n: int) -> int:
        if n < 0:
            raise ValueError("below zero")
        return n * 2

    @unlisted(id="py.parent")
    async def parent(ctx: WorkflowContext) -> dict[str, Any]:
        doubled = await asyncio.gather(*(ctx.step.invoke_and_wait(f"child_{n}", child, n) for n in range(3)))
        batch = await ctx.step.batch_invoke_and_wait("batch", [BatchWorkflowInput(child, n) for n in (4, -1)])
        with pytest.raises(StepExecutionError) as caught:
            await ctx.step.invoke_and_wait("failing", "py.child", -1)
        handle = await ctx.step.invoke("apart", child, 9)
        await ctx.step.wait_for("pause", seconds=0.2)
        await ctx.step.wait_until("until", datetime.now(timezone.utc) + timedelta(seconds=0.2))
        return {
            "doubled": doubled,
            "batch": [(each.success, each.result, each.error.type if each.error else None) for each in batch],
            "error": caught.value.cause.cause.type if caught.value.cause.cause else caught.value.cause.type,
            "apart": handle.id,
            "values": [len(await ctx.step.uuid("id")), await ctx.step.now("now") > 0, await ctx.step.random("r") < 1],
        }

    async with serving(client, child, parent):
        execution = parent(client)
        result = await execution.get_result(60)
        assert result["doubled"] == [0, 2, 4]
        assert result["batch"] == [[True, 8, None], [False, None, "ValueError"]]
        assert "ValueError" in result["error"]
        assert await client.get_handle(result["apart"]).get_result() == 18
        assert result["values"] == [36, True, True]
        types = [event.type async for event in execution.events(descendants=True)]
        assert types.count("workflow_start") == 8


async def test_executions_are_found_by_their_state(client: PolosClient) -> None:
    @workflow(id="py.searched", state_schema=Counter, state_index=["n"], auto_register=False)
    async def searched(ctx: WorkflowContext[Counter], n: int) -> None:
        ctx.state.n = n

    async with serving(client, searched):
        await asyncio.gather(*(searched(client, n) for n in (1, 2, 2)))
        found = [each async for each in client.list_executions(workflow=searched, state={"n": 2})]
        assert len(found) == 2
        more = [each async for each in client.list_executions(workflow=searched, filter="state.n < 2")]
        assert [each.status for each in more] == ["completed"]


async def test_a_worker_says_what_its_new_schema_breaks(client: PolosClient, caplog: pytest.LogCaptureFixture) -> None:
    @workflow(id="py.evolving", state_schema=Counter, auto_register=False)
    async def evolving(ctx: WorkflowContext[Counter], order: Order) -> None:
        await ctx.step.suspend("wait")

    class Stricter(Counter):
        n: int = Field(default=10, ge=10)

    class Larger(Order):
        customer: str

    @workflow(id="py.evolving", state_schema=Stricter, auto_register=False)
    async def evolved(ctx: WorkflowContext[Stricter], order: Larger) -> None: ...

    async with serving(client, evolving):
        execution = await client.invoke(evolving, Order(item="a"), initial_state={"n": 1})
        while await execution.status() != "waiting":
            await asyncio.sleep(0.01)
    async with serving(client, evolved):
        assert f"1 have a state that does not fit it\n  {execution.id}: /n" in caplog.text
        assert 'the payload schema of "py.evolving" is new, and refuses what the one before allowed' in caplog.text
    await execution.cancel()


async def test_suspended_until_somebody_resumes_it(client: PolosClient) -> None:
    @unlisted(id="py.approval")
    async def approval(ctx: WorkflowContext) -> Any:
        with pytest.raises(WaitTimeoutError):
            await ctx.step.suspend("nobody", timeout=0.05)
        return await ctx.step.suspend("approve", {"amount": 5})

    @unlisted(id="py.approver")
    async def approver(ctx: WorkflowContext, execution_id: str) -> None:
        await ctx.step.resume("resume", "approve", execution_id, data={"by": "me"})

    async with serving(client, approval, approver):
        first, second = approval(client), approval(client)
        await first.resume("approve", {"by": "you"})
        assert await first == {"by": "you"}
        await approver(client, (await second.started()).id)
        assert await second == {"by": "me"}


async def test_a_repair_reaches_the_code_whether_it_is_kept_or_replayed(client: PolosClient) -> None:
    @workflow(id="py.repaired", state_schema=Counter, auto_register=False)
    async def repaired(ctx: WorkflowContext[Counter]) -> list[int]:
        ctx.state.n = await ctx.step.run("wrong", lambda: 1)
        await ctx.step.suspend("first")
        seen = [ctx.state.n]
        ctx.state.n += 1
        await ctx.step.suspend("second")
        return [*seen, ctx.state.n]

    async def repair(execution: Invocation[list[int]], n: int) -> None:
        while await execution.status() != "waiting":
            await asyncio.sleep(0.01)
        revision = (await execution.state()).revision
        patch: PatchOperation = {"op": "replace", "path": "/n", "value": n}
        await execution.state.patch([patch], expected_revision=revision, reason="a test", author="pytest")

    async with serving(client, repaired):
        execution = repaired(client)
        await repair(execution, 10)
        await execution.resume("first")
        await asyncio.sleep(0.1)
    # Another worker, which has nothing in memory.
    async with serving(client, repaired):
        await repair(execution, 20)
        await execution.resume("second")
        assert await execution == [10, 20]
    revisions = [each async for each in execution.state.revisions()]
    assert [each.repair.author for each in revisions if each.repair is not None] == ["pytest", "pytest"]


async def test_a_later_version_takes_over_what_an_earlier_one_began(client: PolosClient) -> None:
    class Total(WorkflowState):
        total: int = 0
        currency: str

    @workflow(id="py.migrated", state_schema=Counter, auto_register=False)
    async def before(ctx: WorkflowContext[Counter]) -> int:
        ctx.state.n += await ctx.step.run("count", lambda: 2)
        await ctx.step.suspend("gate")
        return ctx.state.n

    @workflow(
        id="py.migrated",
        state_schema=Total,
        state_version=2,
        migrate={2: lambda old: {"total": old["n"], "currency": "EUR"}},
        auto_register=False,
    )
    async def after(ctx: WorkflowContext[Total]) -> int:
        ctx.state.total += await ctx.step.run("count", lambda: 2)
        await ctx.step.suspend("gate")
        ctx.state.total += 1
        await ctx.step.suspend("late")
        return ctx.state.total

    async with serving(client, before):
        execution = before(client, initial_state=Counter(n=40))
        while await execution.status() != "waiting":
            await asyncio.sleep(0.01)
    await execution.resume("gate")
    async with serving(client, after):
        while (await execution.state()).value.get("total") != 43:
            await asyncio.sleep(0.01)
    # Replayed from the record, on a worker that has seen nothing of it.
    async with serving(client, after):
        await execution.resume("late")
        assert await execution == 43
    last = await execution.state()
    migrated = await execution.state(revision=last.revision - 1)
    assert [migrated.value, last.value] == [{"total": 42, "currency": "EUR"}, {"total": 43, "currency": "EUR"}]


async def test_topics_wake_and_start_workflows(client: PolosClient) -> None:
    @unlisted(id="py.listener")
    async def listener(ctx: WorkflowContext) -> list[Any]:
        event = await ctx.step.wait_for_event("event", "py.topic")
        assert isinstance(event, EventPayload)
        with pytest.raises(WaitTimeoutError):
            await ctx.step.wait_for_event("none", "py.silence", timeout=0.05)
        await ctx.step.publish_event("answer", "py.answers", {"to": event.data}, "answered")
        await ctx.step.publish_workflow_event("progress", {"percent": 100}, "progress")
        return [event.sequence, event.type, event.data]

    @unlisted(id="py.triggered", trigger_on_event="py.answers")
    async def triggered(ctx: WorkflowContext, event: EventTriggerPayload) -> Any:
        assert event.execution_id is not None
        await ctx.step.publish_event("seen", "py.seen", event.data)
        return event.type

    @unlisted(id="py.batched", trigger_on_event="py.many", batch_size=3, batch_timeout_seconds=60)
    async def batched(ctx: WorkflowContext, batch: BatchEventPayload) -> list[Any]:
        await ctx.step.publish_event("seen", "py.batches", [event.data for event in batch.events])
        return []

    async with serving(client, listener, triggered, batched):
        execution = listener(client)
        await execution.started()
        await client.events.publish("py.topic", EventData({"n": 1}, "asked"))
        assert await execution == [1, "asked", {"n": 1}]
        progress = [event async for event in execution.events() if event.topic is not None]
        assert [(event.type, event.data) for event in progress] == [("progress", {"percent": 100})]
        async for event in client.events.stream_topic("py.seen"):
            assert event.data == {"to": {"n": 1}}
            break
        await client.events.batch_publish("py.many", [EventData(n) for n in (1, 2, 3)])
        async for event in client.events.stream_topic("py.batches"):
            assert event.data == [1, 2, 3]
            break


async def test_a_schedule_says_when_it_was(client: PolosClient) -> None:
    @unlisted(id="py.nightly", schedule="0 3 * * *")
    async def nightly(ctx: WorkflowContext, tick: SchedulePayload) -> list[Any]:
        assert tick.timestamp.tzinfo is not None
        assert tick.upcoming[0] > tick.timestamp
        return [tick.key, tick.timezone, tick.last_timestamp is None, tick.payload]

    async with serving(client, nightly):
        [schedule] = await client.schedules.list(nightly)
        assert (schedule.key, schedule.cron) == ("workflow", "0 3 * * *")
        execution = await client.schedules.trigger(schedule.id)
        assert await execution.get_result() == ["workflow", "UTC", True, None]
