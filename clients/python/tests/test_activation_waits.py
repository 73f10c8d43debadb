"""What only the server can bring: times, resumes, events."""

from __future__ import annotations

import asyncio
import datetime
import time
from typing import Any

import pytest
from pydantic import BaseModel

from polos._gen.polos.v1 import execution_pb2 as pb
from polos._gen.polos.v1.failure_pb2 import Failure
from polos.batch import BatchWorkflowInput
from polos.errors import (
    InvalidStepError,
    StepExecutionError,
    WaitTimeoutError,
)
from polos.testing.fake_execution import FakeExecution
from polos.testing.fake_records import FakePublication, FakeResume, FakeWait

from .fake_worker import activate, commands_of, run_on, until


class Order(BaseModel):
    number: int
    note: str = ""


async def replayed(execution: FakeExecution, handler: Any) -> None:
    """Runs a handler as a worker does that knows nothing of it."""
    await run_on(execution, handler)


async def test_a_wait_suspends_and_goes_on_when_its_time_has_come() -> None:
    execution = FakeExecution()

    async def handler(ctx: Any) -> str:
        await ctx.step.wait_for("nap", hours=1, minutes=2, seconds=0.5)
        return "awake"

    assert await run_on(execution, handler) == "suspended"
    assert commands_of(execution) == [["timer_awaited", "execution_suspended"]]
    assert execution.waits == [FakeWait("nap", delay=3_720.5)]
    execution.bring("nap")
    await replayed(execution, handler)
    assert execution.result_value == "awake"


async def test_a_wait_until_takes_a_datetime_that_is_to_come() -> None:
    execution = FakeExecution()
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    refused: list[str] = []

    async def handler(ctx: Any) -> None:
        past = datetime.datetime(2020, 1, 1)
        for wrong in (past, soon + datetime.timedelta(days=3_661), 5):
            try:
                await ctx.step.wait_until("w", wrong)
            except InvalidStepError as error:
                refused.append(str(error))
        await ctx.step.wait_until("w", soon.replace(tzinfo=None))

    await run_on(execution, handler)
    [wait] = execution.waits
    assert wait.fire_time == pytest.approx(soon.timestamp(), abs=1e-5)
    assert wait.fire_time is not None
    assert wait.fire_time >= soon.timestamp()
    assert [text.split(": ")[-1] for text in refused[:2]] == ["it is in the past", "it is over 3,660 days away"]
    assert "not until 5" in refused[2]


@pytest.mark.parametrize(
    "duration", [{}, {"seconds": 0}, {"seconds": -1}, {"days": 3_661}, {"seconds": "1"}, {"hours": float("nan")}]
)
async def test_refuses_a_duration_that_is_none_and_records_nothing(duration: dict[str, Any]) -> None:
    execution = FakeExecution()

    async def handler(ctx: Any) -> None:
        await ctx.step.wait_for("nap", **duration)

    await run_on(execution, handler)
    assert execution.failure is not None
    assert execution.failure.type == "InvalidStepError"
    assert execution.steps == []


async def test_a_suspended_step_gets_what_it_was_resumed_with() -> None:
    execution = FakeExecution()

    async def handler(ctx: Any) -> Any:
        decision = await ctx.step.suspend("approval", {"total": 5}, timeout=60)
        ctx.state["decision"] = decision
        return decision

    activation = activate(execution, handler)
    assert await activation.run() == "suspended"
    assert execution.waits == [FakeWait("approval", data={"total": 5}, timeout=60)]
    execution.resume("approval", {"ok": True})
    assignment = execution.assign()
    assert activation.resume(assignment, assignment.steps, time.monotonic())
    assert await activation.run() == "closed"
    assert execution.result_value == {"ok": True}
    assert commands_of(execution)[-1] == ["outcome_accepted", "state_changed", "execution_completed"]


async def test_a_resume_that_came_before_the_wait_is_not_lost() -> None:
    execution = FakeExecution()
    execution.resume("s", 0)

    async def handler(ctx: Any) -> Any:
        return await ctx.step.suspend("s")

    assert await run_on(execution, handler) == "closed"
    assert execution.result_value == 0


async def test_is_resumed_while_another_step_runs() -> None:
    execution = FakeExecution()
    release = asyncio.Event()
    has_begun = asyncio.Event()

    async def slow() -> str:
        has_begun.set()
        await release.wait()
        return "done"

    async def handler(ctx: Any) -> Any:
        async def resumed() -> Any:
            value = await ctx.step.suspend("s")
            release.set()
            return value

        return await asyncio.gather(resumed(), ctx.step.run("slow", slow))

    activation = activate(execution, handler)
    running = asyncio.create_task(activation.run())
    await has_begun.wait()
    record = execution.resume("s", "go")
    assert record is not None
    # Notices are repeated until the worker has accepted the outcome.
    activation.bring([record])
    activation.bring([record])
    assert await running == "closed"
    assert execution.result_value == ["go", "done"]


async def test_a_wait_that_nobody_ends_in_time_raises_the_same_live_and_on_replay() -> None:
    execution = FakeExecution()
    caught: list[WaitTimeoutError] = []

    async def handler(ctx: Any) -> None:
        try:
            await ctx.step.suspend("s", timeout=1)
        except WaitTimeoutError as error:
            caught.append(error)
        await ctx.step.run("a", lambda: 1)
        if len(caught) == 1:
            raise RuntimeError("again")

    await run_on(execution, handler)
    execution.expire("s")
    await replayed(execution, handler)
    await replayed(execution, handler)
    assert execution.status == pb.EXECUTION_STATUS_COMPLETED
    assert len({str(error) for error in caught}) == 1
    assert all(error.step_key == "s" and error.attempts == 0 and not error.retryable for error in caught)


async def test_waits_for_events_and_publishes_them() -> None:
    execution = FakeExecution()

    async def handler(ctx: Any) -> Any:
        await ctx.step.publish_event("p", "orders", {"n": 1}, "created")
        await ctx.step.publish_workflow_event("w", Order(number=2))
        event = await ctx.step.wait_for_event("e", "orders", timeout=5, after=0)
        ctx.state["event"] = event.model_dump()
        return event.data

    assert await run_on(execution, handler) == "suspended"
    assert execution.published == [
        FakePublication("p", "created", {"n": 1}, "orders"),
        FakePublication("w", "event", {"number": 2, "note": ""}, None),
    ]
    assert execution.waits == [FakeWait("e", topic="orders", cursor="0", timeout=5)]
    event = {"topic": "orders", "sequence": 3, "type": "created", "bytes": "AAE=", "encoding": "x", "createTime": "t"}
    execution.bring("e", {**event, "bytes": None, "data": {"n": 1}})
    await replayed(execution, handler)
    assert execution.result_value == {"n": 1}
    assert execution.state["event"]["sequence"] == 3


@pytest.mark.parametrize(
    "ask",
    [
        lambda step: step.publish_event("k", "", 1),
        lambda step: step.publish_event("k", "a\n", 1),
        lambda step: step.publish_event("k", "ü" * 257, 1),
        lambda step: step.publish_event("k", "t", 1, ""),
        lambda step: step.wait_for_event("k", "t", after=-1),
        lambda step: step.wait_for_event("k", "t", timeout=0),
        lambda step: step.suspend("k", timeout=-1),
        lambda step: step.resume("k", "", "execution"),
        lambda step: step.resume("k", "step", None),
        lambda step: step.run("", lambda: 1),
        lambda step: step.run("k" * 1_025, lambda: 1),
        lambda step: step.run("\ud800", lambda: 1),
        lambda step: step.run(5, lambda: 1),
        lambda step: step.run("k", 5),
        lambda step: step.run("k", lambda: 1, max_retries=-1),
        lambda step: step.run("k", lambda: 1, timeout="5"),
        lambda step: step.invoke("k", 5),
        lambda step: step.invoke("k", "w", run_timeout_seconds=float("nan")),
        lambda step: step.invoke("k", "w", run_timeout_seconds="5"),
        lambda step: step.invoke("k", "w", priority=1.5),
        lambda step: step.invoke("k", "w", queue=5),
        lambda step: step.invoke("k", "w", concurrency_key="\ud800"),
        lambda step: step.batch_invoke("k", ["w"]),
        lambda step: step.batch_invoke("k", [BatchWorkflowInput("w")] * 10_001),
    ],
)
async def test_refuses_what_can_never_work_and_records_nothing(ask: Any) -> None:
    execution = FakeExecution()
    refusals: list[Exception] = []

    async def handler(ctx: Any) -> Any:
        try:
            await ask(ctx.step)
        except InvalidStepError as error:
            refusals.append(error)
        return await ctx.step.run("k", lambda: "the key is free")

    await run_on(execution, handler)
    assert len(refusals) == 1
    assert execution.result_value == "the key is free"


async def test_resumes_a_step_of_another_execution() -> None:
    execution = FakeExecution()

    async def handler(ctx: Any) -> Any:
        try:
            await ctx.step.resume("tell", "approval", "other", "order", {"approved": True})
        except StepExecutionError as error:
            return error.cause.type
        return "told"

    await run_on(execution, handler)
    assert execution.resumes == [FakeResume("tell", "other", "approval", {"approved": True})]
    execution.bring("tell", failure=Failure(type="ExecutionClosedError", message="it is final"))
    await replayed(execution, handler)
    assert execution.result_value == "ExecutionClosedError"
    assert len(execution.resumes) == 1


async def test_a_race_of_a_wait_and_a_step_repeats_itself() -> None:
    execution = FakeExecution()
    winners: list[str] = []

    async def handler(ctx: Any) -> None:
        tasks = {
            asyncio.create_task(ctx.step.wait_for("w", seconds=1), name="wait"),
            asyncio.create_task(ctx.step.run("s", asyncio.sleep, 0.02 if not winners else 0), name="step"),
        }
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        winners.extend(task.get_name() for task in done)
        await asyncio.wait(tasks)
        if len(winners) == 1:
            raise RuntimeError("again")

    activation = activate(execution, handler)
    running = asyncio.create_task(activation.run())
    await until(lambda: len(execution.waits) == 1)
    activation.bring([execution.bring("w")])
    await running
    await replayed(execution, handler)
    assert winners == ["wait", "wait"]


@pytest.mark.parametrize(("wrong", "is_resumed"), [(None, True), (1, False), (3, False)])
async def test_goes_on_from_memory_only_with_what_its_code_has_seen(wrong: int | None, is_resumed: bool) -> None:
    execution = FakeExecution()

    async def handler(ctx: Any) -> list[Any]:
        seen = [await ctx.step.run(key, lambda key: key, key) for key in "ab"]
        seen.append(await ctx.step.suspend("s"))
        ctx.state["done"] = True
        return seen

    activation = activate(execution, handler)
    await activation.run()
    execution.resume("s", "c")
    assignment = execution.assign(to_keeper=True)
    assert assignment.omitted_steps == 2
    assert [each.key for each in assignment.steps] == ["s"]
    if wrong is not None:
        assignment.omitted_steps = wrong
    assert activation.resume(assignment, assignment.steps, time.monotonic()) is is_resumed
    if is_resumed:
        assert await activation.run() == "closed"
        assert execution.result_value == ["a", "b", "c"]
    else:
        activation.drop()


async def test_does_not_go_on_from_memory_where_the_state_is_another_one() -> None:
    execution = FakeExecution()

    async def handler(ctx: Any) -> None:
        await ctx.step.suspend("s")

    activation = activate(execution, handler)
    await activation.run()
    execution.resume("s")
    execution.revisions.append('{"stage":"repaired"}')
    assignment = execution.assign(to_keeper=True)
    assert not activation.resume(assignment, assignment.steps, time.monotonic())
    activation.drop()
