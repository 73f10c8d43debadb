"""Workers against a server that does what the test says."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator

import grpc
import pytest

from polos import PolosClient, Worker, WorkflowContext, workflow
from polos._gen.polos.v1 import execution_pb2, step_pb2
from polos._gen.polos.v1 import worker_service_pb2 as pb

from .fake_worker_service import FakeStream, FakeWorkerService, assign, commands_of, until


class Gate:
    """Holds the function of a step until the test lets it go, and counts calls."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.released = asyncio.Event()
        self.in_thread = threading.Event()
        self.thread_released = threading.Event()
        self.naps = 0


gate: Gate


async def _wait_at_gate() -> str:
    gate.entered.set()
    await gate.released.wait()
    return "done"


@workflow(id="one-step", auto_register=False)
async def one_step(ctx: WorkflowContext) -> str:
    return await ctx.step.run("a", _wait_at_gate)


def _wait_in_thread() -> str:
    gate.in_thread.set()
    gate.thread_released.wait(10)
    return "done"


@workflow(id="thread-step", auto_register=False)
async def thread_step(ctx: WorkflowContext) -> str:
    return await ctx.step.run("a", _wait_in_thread)


@workflow(id="nap", auto_register=False)
async def nap(ctx: WorkflowContext) -> str:
    gate.naps += 1
    await ctx.step.wait_for("w", days=1)
    return "rested"


@workflow(id="long", auto_register=False)
async def long(ctx: WorkflowContext) -> None:
    for key in ("s1", "s2", "s3"):
        await ctx.step.run(key, lambda: None)
    await ctx.step.wait_for("w", days=1)


@workflow(id="step-and-nap", auto_register=False)
async def step_and_nap(ctx: WorkflowContext) -> None:
    await asyncio.gather(ctx.step.run("a", _wait_at_gate), ctx.step.wait_for("w", days=1))


STEPS = [
    step_pb2.StepRecord(
        key=f"s{sequence}", kind=step_pb2.STEP_KIND_RUN, status=step_pb2.STEP_STATUS_COMPLETED, sequence=sequence
    )
    for sequence in (1, 2, 3)
]
"""What the record of `long` holds before it waits."""

FIRED = step_pb2.StepRecord(key="w", kind=step_pb2.STEP_KIND_WAIT_FOR, status=step_pb2.STEP_STATUS_COMPLETED)
"""What the record of `nap` and `long` holds once its time has come."""

PENDING = step_pb2.StepRecord(key="w", kind=step_pb2.STEP_KIND_WAIT_FOR, status=step_pb2.STEP_STATUS_PENDING)

COMPLETED = execution_pb2.EXECUTION_STATUS_COMPLETED
RUNNING = execution_pb2.EXECUTION_STATUS_RUNNING
WAITING = execution_pb2.EXECUTION_STATUS_WAITING


class Stage:
    """A fake service and a worker of it."""

    def __init__(self, service: FakeWorkerService, worker: Worker, running: asyncio.Task[None]) -> None:
        self.service = service
        self.worker = worker
        self.running = running

    @property
    def stream(self) -> FakeStream:
        """The newest stream."""
        return self.service.streams[-1]

    async def reconnected(self) -> FakeStream:
        """The second stream, once it is open."""
        await until(lambda: len(self.service.streams) == 2 and "credits" in self.stream.cases)
        return self.stream


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    global gate
    gate = Gate()
    service = FakeWorkerService()
    await service.start()
    async with PolosClient(service.url) as client:
        worker = Worker(
            client,
            workflows=[one_step, thread_step, nap, long, step_and_nap],
            max_concurrent_workflows=3,
            handle_signals=False,
            shutdown_timeout=1,
        )
        running = asyncio.create_task(worker.run())
        await worker.when_running()
        stage = Stage(service, worker, running)
        await until(lambda: "credits" in stage.stream.cases)
        yield stage
        gate.released.set()
        gate.thread_released.set()
        await worker.shutdown()
        await running
    await service.stop()


async def test_says_hello_and_grants_credits_for_the_room_it_has(stage: Stage) -> None:
    assert (stage.worker.get_state(), stage.worker.get_worker_id()) == ("running", "worker-1")
    stream = stage.stream
    assert stream.received[0].hello.worker_id == "worker-1"
    assert stream.received[1].credits.count == 3
    assign(stream)
    await gate.entered.wait()
    gate.released.set()
    await until(lambda: len(stream.completions) == 1)
    stream.answer(stream.completions[0].call_id, COMPLETED)
    await until(lambda: stream.cases.count("credits") == 2)
    assert stream.received[-1].credits.count == 1


async def test_sends_a_completion_that_was_not_answered_again_unchanged(stage: Stage) -> None:
    first = stage.stream
    assign(first)
    gate.released.set()
    await until(lambda: len(first.completions) == 1)
    await stage.service.stop()
    await stage.service.start()
    second = await stage.reconnected()
    assert second.completions[0].request == first.completions[0].request
    assert second.cases[:4] == ["hello", "extend_leases", "complete", "credits"]
    assert second.received[3].credits.count == 2
    assert stage.service.registrations == 1
    second.answer(second.completions[0].call_id, COMPLETED)


async def test_goes_on_with_a_step_while_the_connection_is_broken(stage: Stage) -> None:
    assign(stage.stream)
    await gate.entered.wait()
    await stage.service.stop()
    gate.released.set()
    await stage.service.start()
    second = await stage.reconnected()
    await until(lambda: len(second.completions) == 1)
    assert commands_of(second.completions[0]) == ["step_completed", "execution_completed"]
    second.answer(second.completions[0].call_id, COMPLETED)


async def test_registers_again_when_the_server_has_forgotten_it(stage: Stage) -> None:
    stage.stream.fail(grpc.StatusCode.NOT_FOUND)
    second = await stage.reconnected()
    assert stage.service.registrations == 2
    assert second.received[0].hello.worker_id == "worker-2"


async def test_goes_on_without_a_replay_with_what_it_kept(stage: Stage) -> None:
    stream = stage.stream
    assign(stream, "nap")
    await until(lambda: len(stream.completions) == 1)
    stream.answer(stream.completions[0].call_id, WAITING)
    await until(lambda: stream.cases.count("credits") == 2)
    assign(stream, "nap", epoch=2, steps=[FIRED])
    await until(lambda: len(stream.completions) == 2)
    second = stream.completions[1]
    assert (second.request.lease.epoch, second.request.sequence) == (2, 1)
    assert commands_of(second) == ["outcome_accepted", "execution_completed"]
    assert gate.naps == 1
    stream.answer(second.call_id, COMPLETED)


async def test_takes_up_what_comes_back_before_its_suspension_was_noted(stage: Stage) -> None:
    stream = stage.stream
    assign(stream, "nap")
    await until(lambda: len(stream.completions) == 1)
    stream.answer(stream.completions[0].call_id, WAITING)
    assign(stream, "nap", epoch=2, steps=[FIRED])
    await until(lambda: len(stream.completions) == 2)
    assert gate.naps == 1
    stream.answer(stream.completions[1].call_id, COMPLETED)


async def test_fetches_all_steps_of_what_it_no_longer_keeps_page_by_page(stage: Stage) -> None:
    stream = stage.stream
    stage.service.steps["e1"] = [STEPS[:2], STEPS[2:], [FIRED]]
    assign(stream, "long", epoch=2, omitted_steps=3, steps=[FIRED])
    await until(lambda: len(stream.completions) == 1)
    assert stage.service.listed == ["e1", "e1", "e1"]
    assert commands_of(stream.completions[0]) == ["outcome_accepted", "execution_completed"]
    stream.answer(stream.completions[0].call_id, COMPLETED)


async def test_asks_for_no_step_of_what_it_keeps(stage: Stage) -> None:
    stream = stage.stream
    assign(stream, "long", steps=[*STEPS, PENDING])
    await until(lambda: len(stream.completions) == 1)
    assert stream.completions[0].request.commands[0].execution_suspended.kept
    stream.answer(stream.completions[0].call_id, WAITING)
    await until(lambda: stream.cases.count("credits") == 2)
    assign(stream, "long", epoch=2, omitted_steps=3, steps=[FIRED])
    await until(lambda: len(stream.completions) == 2)
    assert stage.service.listed == []
    stream.answer(stream.completions[1].call_id, COMPLETED)


async def test_runs_only_the_newer_of_two_assignments(stage: Stage) -> None:
    stream = stage.stream
    stage.service.steps["e1"] = [[*STEPS, FIRED]]
    stage.service.may_list.clear()
    assign(stream, "long", epoch=2, omitted_steps=3)
    await until(lambda: len(stage.service.listed) == 1)
    assign(stream, "long", epoch=3, steps=[*STEPS, FIRED])
    await until(lambda: len(stream.completions) == 1)
    stage.service.may_list.set()
    # The place that the older one took is free again.
    await until(lambda: stream.cases.count("credits") == 2)
    assert [completion.request.lease.epoch for completion in stream.completions] == [3]
    stream.answer(stream.completions[0].call_id, COMPLETED)


async def test_does_not_say_that_it_keeps_what_it_suspends_while_it_shuts_down(stage: Stage) -> None:
    stream = stage.stream
    assign(stream, "step-and-nap")
    await until(lambda: len(stream.completions) == 1)
    stream.answer(stream.completions[0].call_id, RUNNING)
    await gate.entered.wait()
    shutdown = asyncio.create_task(stage.worker.shutdown())
    await until(lambda: "drain" in stream.cases)
    gate.released.set()
    await until(lambda: len(stream.completions) == 2)
    last = stream.completions[1].request.commands[-1]
    assert last.WhichOneof("command") == "execution_suspended"
    assert not last.execution_suspended.kept
    stream.answer(stream.completions[1].call_id, WAITING)
    await shutdown


async def test_is_told_of_a_time_that_came_while_it_holds_the_execution(stage: Stage) -> None:
    stream = stage.stream
    assign(stream, "step-and-nap")
    await until(lambda: len(stream.completions) == 1)
    stream.answer(stream.completions[0].call_id, RUNNING)
    await gate.entered.wait()
    stream.send(notice=pb.WorkResponse.Notice(execution_id="e1", epoch=1, outcomes=[FIRED]))
    await until(lambda: len(stream.completions) == 2)
    assert commands_of(stream.completions[1]) == ["outcome_accepted"]
    stream.answer(stream.completions[1].call_id, RUNNING)
    gate.released.set()
    await until(lambda: len(stream.completions) == 3)
    stream.answer(stream.completions[2].call_id, COMPLETED)


async def test_extends_its_leases_within_their_duration(stage: Stage) -> None:
    stream = stage.stream
    assign(stream)
    await until(lambda: stream.cases.count("extend_leases") == 2)
    message = stream.received[stream.cases.index("extend_leases")].extend_leases
    assert message.worker_id == "worker-1"
    assert [(lease.execution_id, lease.epoch) for lease in message.leases] == [("e1", 1)]


async def test_drops_an_execution_whose_lease_is_lost(stage: Stage) -> None:
    stream = stage.stream
    assign(stream)
    await gate.entered.wait()
    stream.send(notice=pb.WorkResponse.Notice(execution_id="e1", epoch=1, lease_lost=True))
    await until(lambda: stream.cases.count("credits") == 2)
    gate.released.set()
    assert stream.completions == []


async def test_says_that_it_has_let_go_once_what_ran_has_ended_and_again_on_the_next_stream(stage: Stage) -> None:
    stream = stage.stream
    assign(stream, "thread-step")
    await until(gate.in_thread.is_set)
    stage.service.answers_heartbeats = False
    stream.send(notice=pb.WorkResponse.Notice(execution_id="e1", epoch=1, lease_lost=True))
    await until(lambda: stream.cases.count("credits") == 2)
    assert stream.released == []
    gate.thread_released.set()
    await until(lambda: stream.released != [])
    assert (stream.released[0].execution_id, stream.released[0].epoch, stream.released[0].token) == ("e1", 1, "t")
    stage.service.answers_heartbeats = True
    stream.fail(grpc.StatusCode.UNAVAILABLE)
    second = await stage.reconnected()
    assert [lease.epoch for lease in second.released] == [1]
    assign(second, epoch=2)
    await until(lambda: second.cases.count("extend_leases") == 3)
    assert [lease.epoch for lease in second.released] == [1]


async def test_lets_go_of_an_execution_whose_completion_is_answered_as_paused(stage: Stage) -> None:
    stream = stage.stream
    assign(stream, "step-and-nap")
    await until(lambda: len(stream.completions) == 1)
    stream.answer(stream.completions[0].call_id, execution_pb2.EXECUTION_STATUS_PAUSED)
    await until(lambda: [lease.epoch for lease in stream.released] == [1])


async def test_ignores_notices_of_an_epoch_that_is_over(stage: Stage) -> None:
    stream = stage.stream
    assign(stream, epoch=2)
    await gate.entered.wait()
    stream.send(notice=pb.WorkResponse.Notice(execution_id="e1", epoch=1, lease_lost=True))
    gate.released.set()
    await until(lambda: len(stream.completions) == 1)
    stream.answer(stream.completions[0].call_id, COMPLETED)


async def test_finishes_what_it_holds_when_the_server_drains(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stream = stage.stream
    assign(stream)
    await gate.entered.wait()
    stream.send(drain=pb.WorkResponse.Drain())
    gate.released.set()
    await until(lambda: len(stream.completions) == 1)
    stream.answer(stream.completions[0].call_id, COMPLETED)
    await stage.reconnected()
    assert "waiting for the server" not in caplog.text


async def test_drains_and_finishes_what_it_holds_when_it_is_shut_down(stage: Stage) -> None:
    stream = stage.stream
    assign(stream)
    await gate.entered.wait()
    shutdown = asyncio.create_task(stage.worker.shutdown())
    await until(lambda: "drain" in stream.cases)
    assert stage.worker.get_state() == "stopping"
    gate.released.set()
    await until(lambda: len(stream.completions) == 1)
    stream.answer(stream.completions[0].call_id, COMPLETED)
    await shutdown
    await stage.running
    assert stage.worker.get_state() == "stopped"


async def test_leaves_what_does_not_end_in_time(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    assign(stage.stream)
    await gate.entered.wait()
    with caplog.at_level(logging.WARNING, "polos"):
        await stage.worker.shutdown()
    await stage.running
    assert "1 executions did not come to an end in time" in caplog.text
    assert stage.stream.completions == []


async def test_waits_for_a_server_that_went_away_and_says_so_once(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "polos"):
        await stage.service.stop()
        await until(lambda: "waiting for the server" in caplog.text)
        await asyncio.sleep(0.5)
    assert caplog.text.count("waiting for the server") == 1
    await stage.service.start()
    await stage.reconnected()


async def test_cannot_run_twice_at_once(stage: Stage) -> None:
    with pytest.raises(RuntimeError, match="running already"):
        await stage.worker.run()


def test_needs_workflows_each_id_once() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Worker(workflows=[])
    with pytest.raises(ValueError, match='two workflows have the id "nap"'):
        Worker(workflows=[nap, nap])
    with pytest.raises(ValueError, match="from 1 to 10,000"):
        Worker(workflows=[nap], max_concurrent_workflows=0)
    assert Worker(workflows=[nap, long]).get_workflow_ids() == ["nap", "long"]
