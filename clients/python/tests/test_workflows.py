"""Workflows of all sorts, on a real server with a real worker."""

from __future__ import annotations

import asyncio
import threading
import time
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import BaseModel, Field

from polos import (
    BatchEventPayload,
    BatchWorkflowInput,
    EventData,
    EventPayload,
    EventTriggerPayload,
    HookContext,
    HookResult,
    Invocation,
    Polos,
    PolosClient,
    ResultValidationError,
    SchedulePayload,
    StepExecutionError,
    WaitTimeoutError,
    Workflow,
    WorkflowCancelledError,
    WorkflowContext,
    WorkflowFailedError,
    WorkflowState,
    WorkflowTimeoutError,
    hook,
    step_attempt,
    workflow,
)
from polos.state.patch import PatchOperation
from polos.workflow import WorkflowDecorator

from .real_server import Server, serving


class Order(BaseModel):
    item: str
    amount: int = 1


@dataclass
class Receipt:
    number: int
    at: datetime


class Counter(WorkflowState):
    n: int = 0
    seen: list[str] = []


def unlisted(**options: Any) -> WorkflowDecorator[Any]:
    """`@workflow` that registers nothing: each test serves its own."""
    return workflow(auto_register=False, **options)


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


async def test_what_fails_says_why(client: PolosClient) -> None:
    attempts: list[int] = []

    def broken() -> None:
        attempts.append(step_attempt().attempt)
        raise KeyError("missing") from ValueError("inner")

    @unlisted(id="py.failing", max_retries=0)
    async def failing(ctx: WorkflowContext) -> None:
        await ctx.step.run("broken", broken, max_retries=2, base_delay=0.01)

    @unlisted(id="py.retried", base_delay=0.01)
    async def retried(ctx: WorkflowContext) -> int:
        if ctx.retry_count < 2:
            raise OSError("not yet")
        return ctx.retry_count

    async with serving(client, failing, retried):
        with pytest.raises(WorkflowFailedError) as caught:
            await failing(client)
        assert caught.value.error_type == "StepExecutionError"
        cause = caught.value.cause.cause
        assert cause is not None
        assert (cause.type, cause.message) == ("KeyError", "'missing'")
        assert cause.cause is not None
        assert cause.cause.type == "ValueError"
        assert attempts == [1, 2, 3]
        assert await retried(client) == 2


async def test_a_state_that_does_not_fit_fails_for_good(client: PolosClient) -> None:
    @unlisted(id="py.misfit", state_schema=Counter)
    async def misfit(ctx: WorkflowContext[Counter], how: str) -> None:
        await ctx.step.run("first", lambda: None)
        ctx.state.n = 1
        await ctx.step.run("second", lambda: None)
        if how == "large":
            ctx.state.seen = ["a" * 1_100_000]
        elif how == "wrong":
            ctx.state.n = "many"  # type: ignore[assignment]
        else:
            ctx.state.seen.append(7)  # type: ignore[arg-type]
        await ctx.step.run("third", lambda: None)

    expected = {"large": "StateSizeError", "wrong": "StateValidationError", "within": "StateValidationError"}
    async with serving(client, misfit):
        for how, kind in expected.items():
            execution = misfit(client, how)
            with pytest.raises(WorkflowFailedError) as caught:
                await execution
            assert caught.value.error_type == kind
            assert (await execution.state()).value == {"n": 1, "seen": []}
            assert (await execution.get()).retry_count <= 1


async def test_cancel_reaches_the_code(client: PolosClient) -> None:
    reached: list[str] = []
    entered = asyncio.Event()

    async def endless() -> None:
        entered.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            reached.append("step")
            raise

    @unlisted(id="py.cancelled")
    async def cancelled(ctx: WorkflowContext) -> None:
        try:
            await ctx.step.run("endless", endless)
        except WorkflowCancelledError:
            reached.append("handler")
            raise

    async with serving(client, cancelled):
        execution = cancelled(client)
        await entered.wait()
        assert await execution.cancel()
        with pytest.raises(WorkflowCancelledError):
            await execution
        assert sorted(reached) == ["handler", "step"]
        assert await execution.cancel()  # It may be repeated.


async def test_a_run_timeout_ends_it(client: PolosClient) -> None:
    @unlisted(id="py.slow", run_timeout_seconds=0.2)
    async def slow(ctx: WorkflowContext) -> None:
        await ctx.step.run("sleep", asyncio.sleep, 60)

    async with serving(client, slow):
        with pytest.raises(WorkflowTimeoutError, match="reached its run timeout") as caught:
            await slow(client)
        assert caught.value.timeout_seconds == 0.2


async def test_hooks_run_before_and_after(client: PolosClient) -> None:
    told: list[tuple[str, Any]] = []

    @hook
    async def bigger(ctx: WorkflowContext, hook_context: HookContext) -> HookResult:
        order = hook_context.current_payload
        told.append(("start", order))
        return HookResult.continue_with(modified_payload={"item": "b", "amount": 7})

    def noted(ctx: WorkflowContext, hook_context: HookContext) -> None:
        told.append(("end", hook_context.current_output or hook_context.current_error))

    @workflow(id="py.hooked", on_start=bigger, on_end=[noted], auto_register=False)
    async def hooked(ctx: WorkflowContext, order: Order) -> int:
        if order.item == "a":
            raise ValueError("the hook did not run")
        return order.amount

    async with serving(client, hooked):
        assert await hooked(client, Order(item="a")) == 7
        assert [name for name, _ in told] == ["start", "end"]
        assert told[1][1] == 7


_request: ContextVar[str] = ContextVar("request", default="none")


async def test_context_variables_of_the_worker_do_not_leak_between_executions(client: PolosClient) -> None:
    @unlisted(id="py.contextvars")
    async def contextvars(ctx: WorkflowContext, name: str) -> str:
        _request.set(name)
        return await ctx.step.run("read", _request.get)

    async with serving(client, contextvars):
        names = [f"n{number}" for number in range(10)]
        assert await asyncio.gather(*(contextvars(client, name) for name in names)) == names
        assert _request.get() == "none"


async def test_a_workflow_starts_others_by_steps_only(client: PolosClient) -> None:
    @unlisted(id="py.outside")
    async def outside(ctx: WorkflowContext) -> list[str]:
        refused = []
        for call in (lambda: outside(client), lambda: client.invoke("py.outside"), lambda: client.events.publish("t")):
            try:
                await call()
            except RuntimeError as error:
                refused.append(str(error))
        return refused

    async with serving(client, outside):
        refused = await outside(client)
        assert len(refused) == 3
        assert all("within a workflow" in text for text in refused)


async def test_many_at_once_share_one_worker(client: PolosClient) -> None:
    @unlisted(id="py.many", state_schema=Counter)
    async def many(ctx: WorkflowContext[Counter], n: int) -> int:
        for step in range(5):
            ctx.state.n += await ctx.step.run(f"s{step}", lambda: 1)
        await ctx.step.wait_for("w", seconds=0.05)
        return ctx.state.n + n

    async with serving(client, many, max_concurrent_workflows=20):
        handles = await client.batch_invoke([BatchWorkflowInput(many, n) for n in range(200)])
        assert await asyncio.gather(*(handle.get_result(60) for handle in handles)) == [5 + n for n in range(200)]


async def test_polos_is_a_client_and_a_worker(shared_server: Server) -> None:
    @unlisted(id="py.both")
    async def both(ctx: WorkflowContext, n: int) -> int:
        return n + 1

    async with Polos(api_url=shared_server.url, workflows=[both]) as polos:
        assert polos.get_client() is polos
        assert await both(polos, 1) == 2
        assert await polos.run(both, 2) == 3
        with pytest.raises(RuntimeError, match="started already"):
            await polos.start()
    with pytest.raises(ValueError, match="at least one"):
        async with Polos(api_url=shared_server.url, workflows=[]):
            pass


async def test_annotations_that_make_no_schema_end_the_worker(client: PolosClient) -> None:
    async def handler(ctx: WorkflowContext, payload: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    made: Workflow[Any, Any, Any] = unlisted(id="py.nowhere")(handler)
    with pytest.raises(NameError, match="Nowhere"):
        async with Polos(api_url=client.get_config().api_url, workflows=[made]):
            pass
