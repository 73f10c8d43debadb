"""Clients against a real server that has no worker."""

import asyncio
from datetime import datetime, timezone
from typing import Any

import pytest
from pydantic import BaseModel

from polos._gen.polos.v1.workflow_service_pb2 import GetExecutionRequest
from polos.api_errors import (
    ExecutionClosedError,
    IdempotencyMismatchError,
    InvalidArgumentError,
    NotFoundError,
    ResultConflictError,
    UnavailableError,
)
from polos.batch_invoke import BatchInvokeError, ClientBatchWorkflowInput, batch_invoke
from polos.client import PolosClient
from polos.errors import (
    PayloadSizeError,
    PayloadValidationError,
    SerializationError,
    StateSizeError,
    StateValidationError,
    WorkflowCancelledError,
    WorkflowTimeoutError,
)
from polos.execution_list import ListExecutionsOptions
from polos.execution_state import StateRepair
from polos.methods import GET_EXECUTION
from polos.queue import Queue
from polos.state.patch import PatchOperation
from polos.topic_event import EventData
from polos.workflow import workflow
from polos.workflow_state import WorkflowState

from .real_server import Server


class Order(BaseModel):
    item: str


class Counter(WorkflowState):
    n: int = 0


@workflow(id="client.order", state_schema=Counter, auto_register=False)
async def order(ctx: Any, payload: Order) -> Order:
    return payload


async def test_an_execution_is_started_and_read(client: PolosClient) -> None:
    handle = await client.invoke(
        order,
        Order(item="a"),
        initial_state=Counter(n=3),
        queue=Queue("mine"),
        session_id="s",
        user_id="u",
        priority=5,
        start_delay_seconds=60,
    )
    info = await handle.get()
    assert (info.id, info.workflow_id, info.status, info.status_reason) == (
        handle.id,
        "client.order",
        "queued",
        "start_delay",
    )
    assert (info.payload, info.initial_state, info.queue) == ({"item": "a"}, {"n": 3}, "mine")
    assert (info.session_id, info.user_id, info.state_revision) == ("s", "u", 1)
    assert (info.result, info.error, info.started_at, info.completed_at) == (None, None, None, None)
    assert info.created_at is not None
    assert abs((datetime.now(timezone.utc) - info.created_at).total_seconds()) < 60
    state = await handle.state()
    assert (state.value, state.revision, state.is_final, state.size_bytes) == ({"n": 3}, 1, False, 7)


async def test_a_call_of_a_workflow_starts_at_once_and_knows_its_id(client: PolosClient) -> None:
    execution = order(client, {"item": "a"}, timeout=0.01)
    execution_id = execution.execution_id
    assert (await execution.started()).id == execution_id
    assert await execution.status() == "queued"
    assert (await execution.state()).value == {}
    with pytest.raises(WorkflowTimeoutError, match="it goes on") as caught:
        await execution
    assert caught.value.execution_id == execution_id
    assert isinstance(caught.value, TimeoutError)
    assert await execution.cancel()
    with pytest.raises(WorkflowCancelledError):
        await execution.get_result(10)


async def test_one_key_is_one_execution(client: PolosClient) -> None:
    first = await order.invoke(client, Order(item="a"), idempotency_key="client.once")
    second = order(client, Order(item="a"), idempotency_key="client.once")
    with pytest.raises(RuntimeError, match="await `started"):
        _ = second.id
    assert (await second.started()).id == first.id == second.id
    with pytest.raises(IdempotencyMismatchError) as caught:
        await order.invoke(client, Order(item="b"), idempotency_key="client.once")
    assert caught.value.execution_id == first.id


@pytest.mark.parametrize(
    ("payload", "options", "kind", "text"),
    [
        ({"item": 1}, {}, PayloadValidationError, "/item"),
        (None, {}, PayloadValidationError, "the payload is not valid"),
        ({"item": "a" * 2_200_000}, {}, PayloadSizeError, "2097152"),
        ({"item": "a"}, {"initial_state": {"n": "many"}}, StateValidationError, "/n"),
        ({"item": "a"}, {"initial_state": {"more": "a" * 1_100_000}}, StateSizeError, "1048576"),
        ({"item": {1, 2}}, {}, SerializationError, "/item"),
        ({"item": "a"}, {"priorities": 1}, TypeError, "priorities"),
        (
            {"item": "a"},
            {"run_timeout_seconds": float("nan")},
            ValueError,
            "run_timeout_seconds must be a finite number",
        ),
        ({"item": "a"}, {"run_timeout_seconds": "5"}, TypeError, "run_timeout_seconds must be a number of seconds"),
        ({"item": "a"}, {"priority": 1.5}, TypeError, "priority cannot be 1.5"),
        ({"item": "a"}, {"search_attributes": {"a": 5}}, TypeError, "search_attributes cannot be"),
        ({"item": "a"}, {"user_id": "\ud800"}, ValueError, "user_id cannot be"),
    ],
)
async def test_what_the_schemas_refuse_is_refused_early(
    client: PolosClient, payload: Any, options: dict[str, Any], kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind, match=text):
        await order.invoke(client, payload, **options)
    with pytest.raises(kind, match=text):
        order(client, payload, **options)


async def test_what_the_server_refuses_is_typed(client: PolosClient) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        await client.invoke("client.order", priority=1_000)
    assert caught.value.field_violations[0].path == "priority"
    with pytest.raises(InvalidArgumentError, match="run_timeout"):
        await client.invoke("client.order", run_timeout_seconds=-1.5)
    with pytest.raises(InvalidArgumentError, match="workflow_id"):
        await client.invoke("")
    with pytest.raises(NotFoundError) as missing:
        await client.get_execution("nobody")
    assert (missing.value.resource_type, missing.value.resource_name) == ("execution", "nobody")
    with pytest.raises(TypeError, match="takes a workflow"):
        await client.invoke(7)  # type: ignore[call-overload]


async def test_what_is_over_stays_over(client: PolosClient) -> None:
    handle = await client.invoke("client.order")
    assert await client.cancel_execution(handle.id)
    info = await client.get_execution(handle.id)
    assert info.status == "cancelled"
    assert info.error is not None
    with pytest.raises(ExecutionClosedError) as caught:
        await handle.pause()
    assert caught.value.execution_status == "cancelled"
    with pytest.raises(ExecutionClosedError):
        await client.resume(handle.id, "step", 1)
    with pytest.raises(ExecutionClosedError):
        await client.resume("client.order", handle.id, "step", 1)


async def test_a_pause_ends(client: PolosClient) -> None:
    handle = await client.invoke("client.order")
    await client.pause_execution(handle.id)
    assert await handle.status() == "paused"
    await client.unpause_execution(handle.id)
    assert await handle.status() == "queued"


async def test_events_and_states_are_followed_to_the_end(client: PolosClient) -> None:
    handle = await client.invoke("client.order", initial_state={"n": 1})
    following = asyncio.create_task(_collect(handle.events()))
    watching = asyncio.create_task(_collect(handle.state.watch()))
    await handle.cancel()
    events = await following
    assert [(event.sequence, event.place, event.type) for event in events] == [
        (1, 1, "workflow_queued"),
        (2, 2, "workflow_cancel"),
    ]
    assert [event.type for event in await _collect(handle.events(after=1))] == ["workflow_cancel"]
    assert [(each.revision, each.value) for each in await watching] == [(1, {"n": 1})]
    assert [each.revision for each in await _collect(handle.state.revisions())] == [1]
    assert await handle.state.diff(1, 1) == []
    assert (await handle.state(paths=["/m"])).value == {}
    assert (await handle.state(time=datetime.now(timezone.utc))).revision == 1
    with pytest.raises(NotFoundError):
        await handle.state(revision=2)
    with pytest.raises(ValueError, match="not at both"):
        await handle.state(revision=1, time=datetime.now(timezone.utc))


async def test_a_state_is_repaired(client: PolosClient) -> None:
    handle = await client.invoke("client.order", initial_state={"n": 1})
    patch: list[PatchOperation] = [
        {"op": "replace", "path": "/n", "value": 2},
        {"op": "add", "path": "/m", "value": [1]},
    ]
    assert await handle.state.patch(patch, expected_revision=1, reason="it was wrong", author="me") == 2
    assert (await handle.state()).value == {"n": 2, "m": [1]}
    [repaired] = await _collect(handle.state.revisions(after=1))
    assert (repaired.revision, repaired.patch, repaired.repair) == (2, patch, StateRepair("it was wrong", "me"))
    undo = await handle.state.diff(2, 1)
    assert await handle.state.patch(undo, expected_revision=2, reason="it was right", author="me") == 3
    assert (await handle.state()).value == {"n": 1}
    with pytest.raises(ResultConflictError) as caught:
        await handle.state.patch(patch, expected_revision=1, reason="again", author="me")
    assert not caught.value.retryable
    misfit: PatchOperation = {"op": "remove", "path": "/nowhere"}
    with pytest.raises(InvalidArgumentError):
        await handle.state.patch([misfit], expected_revision=3, reason="again", author="me")
    with pytest.raises(SerializationError):
        await handle.state.patch(
            [{"op": "add", "path": "/s", "value": {1}}], expected_revision=3, reason="r", author="me"
        )


async def test_executions_are_listed(client: PolosClient) -> None:
    handles = [
        await client.invoke("client.listed", user_id=f"u{n}", search_attributes={"region": "eu", 'a"b': str(n)})
        for n in range(3)
    ]
    listed = await _collect(client.list_executions(workflow="client.listed"))
    assert [each.id for each in listed] == [handle.id for handle in reversed(handles)]
    assert listed[0].user_id == "u2"
    conditions: list[tuple[ListExecutionsOptions, int]] = [
        ({"status": "queued"}, 3),
        ({"status": "completed"}, 0),
        ({"user_id": "u1"}, 1),
        ({"search_attributes": {"region": "eu"}}, 3),
        ({"search_attributes": {"region": "eu", 'a"b': "1"}}, 1),
        ({"filter": 'user_id = "u0"', "limit": 1}, 1),
        ({"limit": 2}, 2),
        ({"root_execution_id": handles[0].id}, 1),
        ({"parent_execution_id": handles[0].id}, 0),
        ({"session_id": "none"}, 0),
    ]
    for options, count in conditions:
        options["workflow"] = "client.listed"
        assert len(await _collect(client.list_executions(**options))) == count, options
    with pytest.raises(InvalidArgumentError):
        await _collect(client.list_executions(filter="nonsense"))
    with pytest.raises(InvalidArgumentError):
        await _collect(client.list_executions(workflow="client.listed", state={"undeclared": 1}))
    with pytest.raises(ValueError, match="at least 1"):
        await _collect(client.list_executions(limit=0))
    with pytest.raises(TypeError, match="workfloww"):
        await _collect(client.list_executions(workfloww="a"))  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def test_topics_are_published_to_and_read(client: PolosClient) -> None:
    topic = "client.topic"
    assert await client.events.publish(topic, {"data": {"n": 1}, "event_type": "made"}) == 1
    assert await client.events.batch_publish(topic, [EventData(Order(item="a")), {"type": "x"}]) == [2, 3]
    assert await client.events.publish(topic, idempotency_key="k") == 4
    assert await client.events.publish(topic, idempotency_key="k") == 4
    events = await _collect(client.events.stream_topic(topic, follow=False))
    assert [(each.sequence, each.type, each.data) for each in events] == [
        (1, "made", {"n": 1}),
        (2, "event", {"item": "a"}),
        (3, "x", None),
        (4, "event", None),
    ]
    assert [each.sequence for each in await _collect(client.events.stream_topic(topic, after=3, follow=False))] == [4]
    with pytest.raises(TypeError, match="an event is"):
        await client.events.publish(topic, {"payload": 1})


async def test_leaving_a_stream_closes_it(client: PolosClient) -> None:
    await client.events.publish("client.left")
    async for event in client.events.stream_topic("client.left"):
        assert event.sequence == 1
        break
    stream = client.events.stream_topic("client.left")
    assert (await anext(stream)).sequence == 1
    reading = asyncio.create_task(_next(stream))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_schedules_are_kept(client: PolosClient) -> None:
    schedule_id = await client.schedules.create(order, "0 3 * * *", "Europe/Berlin", "nightly", payload={"item": "a"})
    again = await client.schedules.create("client.order", "0 4 * * *", key="nightly", catch_up_seconds=0, queue="q")
    assert again == schedule_id
    [schedule] = await client.schedules.list(order)
    assert (schedule.id, schedule.cron, schedule.timezone, schedule.key) == (schedule_id, "0 4 * * *", "UTC", "nightly")
    assert (schedule.payload, schedule.queue, schedule.paused) == (None, "q", False)
    assert schedule.next_at is not None
    assert schedule.last_at is None
    await client.schedules.pause(schedule_id)
    assert [each.paused for each in await client.schedules.list(order)] == [True]
    await client.schedules.unpause(schedule_id)
    execution = await client.schedules.trigger(schedule_id, idempotency_key="now")
    assert (await client.schedules.trigger(schedule_id, idempotency_key="now")).id == execution.id
    await client.schedules.delete(schedule_id)
    assert await client.schedules.list(order) == []
    with pytest.raises(InvalidArgumentError, match="not five"):
        await client.schedules.create(order, "* *")
    with pytest.raises(InvalidArgumentError):
        await client.schedules.create(order, "0 3 * * *", "Mars/Olympus")


async def test_many_are_started_at_once(client: PolosClient) -> None:
    items = [ClientBatchWorkflowInput("client.order", {"item": str(n)}) for n in range(1_500)]
    handles = await client.batch_invoke(items, session_id="many")
    assert len({handle.id for handle in handles}) == 1_500
    last = await handles[-1].get()
    assert (last.payload, last.session_id) == ({"item": "1499"}, "many")
    assert await client.batch_invoke([]) == []


async def test_the_others_of_a_batch_are_started(client: PolosClient) -> None:
    await client.invoke("client.order", 1, idempotency_key="client.taken")
    items = [
        ClientBatchWorkflowInput("client.order"),
        ClientBatchWorkflowInput("client.order", 2, idempotency_key="client.taken"),
    ]
    with pytest.raises(BatchInvokeError, match="1 of 2") as caught:
        await batch_invoke(client, items)
    assert isinstance(caught.value.errors[1], IdempotencyMismatchError)
    first, second = caught.value.execution_ids
    assert second is None
    assert first is not None
    assert (await client.get_execution(first)).status == "queued"
    with pytest.raises(PayloadValidationError, match="item 1"):
        await client.batch_invoke([ClientBatchWorkflowInput("a"), ClientBatchWorkflowInput(order, {})])


async def test_no_server_is_said_so_once_the_time_is_up() -> None:
    async with PolosClient("http://127.0.0.1:1") as client:
        request = GetExecutionRequest(execution_id="a")
        with pytest.raises(UnavailableError, match=r"cannot reach a Polos server at http://127\.0\.0\.1:1"):
            await client.transport.call(GET_EXECUTION, request, repeatable=True, timeout=0.3)


def test_a_client_may_live_longer_than_a_loop(shared_server: Server) -> None:
    client = PolosClient(shared_server.url)

    async def once() -> str:
        return await (await client.invoke("client.order")).status()

    assert asyncio.run(once()) == "queued"
    assert asyncio.run(once()) == "queued"


async def _collect(stream: Any) -> list[Any]:
    return [each async for each in stream]


async def _next(stream: Any) -> Any:
    return await anext(stream)
