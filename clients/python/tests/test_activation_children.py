"""Children of an execution, one by one and in batches."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from polos._gen.polos.v1.failure_pb2 import Failure
from polos.batch import BatchWorkflowInput
from polos.errors import (
    BatchSizeError,
    PayloadSizeError,
    PayloadValidationError,
    ResultValidationError,
    SerializationError,
    StateSizeError,
    StateValidationError,
    StepExecutionError,
)
from polos.testing.fake_execution import FakeExecution
from polos.testing.fake_records import FakeChild
from polos.workflow import workflow
from polos.workflow_state import WorkflowState

from .fake_worker import run_on


class Order(BaseModel):
    number: int
    note: str = ""


class Receipt(BaseModel):
    total: float


class ChildState(WorkflowState):
    count: int = 0


@workflow(id="child", state_schema=ChildState, auto_register=False)
async def child(ctx: Any, order: Order) -> Receipt:
    return Receipt(total=order.number)


async def replayed(execution: FakeExecution, handler: Any) -> None:
    """Runs a handler as a worker does that knows nothing of it."""
    await run_on(execution, handler)


async def test_a_child_gets_its_payload_and_state_and_gives_back_what_it_says_that_it_returns() -> None:
    execution = FakeExecution()

    async def handler(ctx: Any) -> Any:
        receipt = await ctx.step.invoke_and_wait(
            "call", child, payload={"number": 3}, initial_state=ChildState(count=1)
        )
        assert isinstance(receipt, Receipt)
        handle = await ctx.step.invoke("fire", child, Order(number=4), queue="q", priority=5)
        return [receipt.total, handle.execution_id, handle.workflow_id]

    assert await run_on(execution, handler) == "suspended"
    execution.bring("call", {"total": 3})
    await replayed(execution, handler)
    assert execution.result_value == [3, "child-2", "child"]
    assert execution.children == [
        FakeChild("call", "child", {"number": 3}, {"count": 1}, True),
        FakeChild("fire", "child", {"number": 4, "note": ""}, None, False),
    ]


async def test_what_a_child_raises_is_the_cause() -> None:
    execution = FakeExecution()
    caught: list[StepExecutionError] = []

    async def handler(ctx: Any) -> None:
        try:
            await ctx.step.invoke_and_wait("call", "anything", 1)
        except StepExecutionError as error:
            caught.append(error)

    await run_on(execution, handler)
    execution.bring("call", failure=Failure(type="WaitTimeoutError", message="of the child"))
    await replayed(execution, handler)
    [error] = caught
    assert type(error) is StepExecutionError
    assert (error.cause.type, error.cause.message) == ("WaitTimeoutError", "of the child")


async def test_a_child_of_another_version_that_returns_something_else_is_reported() -> None:
    execution = FakeExecution()
    caught: list[Exception] = []

    async def handler(ctx: Any) -> None:
        try:
            await ctx.step.invoke_and_wait("call", child, {"number": 1})
        except ResultValidationError as error:
            caught.append(error)

    await run_on(execution, handler)
    execution.bring("call", {"total": "much"})
    await replayed(execution, handler)
    assert 'step "call"' in str(caught[0])


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"payload": {"number": "x"}}, PayloadValidationError),
        ({"payload": None}, PayloadValidationError),
        ({"payload": {"number": {1}}}, SerializationError),
        ({"payload": {"number": 1, "note": "x" * 2_097_152}}, PayloadSizeError),
        ({"payload": {"number": 1}, "initial_state": {"count": "x"}}, StateValidationError),
        ({"payload": {"number": 1}, "initial_state": {"count": {1}}}, SerializationError),
        ({"payload": {"number": 1}, "initial_state": {"x": "x" * 1_048_576}}, StateSizeError),
    ],
)
async def test_what_a_child_would_refuse_is_refused_at_once(arguments: dict[str, Any], kind: type[Exception]) -> None:
    execution = FakeExecution()
    refused: list[Exception] = []

    async def handler(ctx: Any) -> None:
        with pytest.raises(kind) as caught:
            await ctx.step.invoke_and_wait("call", child, **arguments)
        refused.append(caught.value)
        item = BatchWorkflowInput(child, **arguments)
        with pytest.raises(kind):
            await ctx.step.batch_invoke("batch", [BatchWorkflowInput(child, {"number": 1}), item])

    await run_on(execution, handler)
    assert execution.failure is None
    assert len(refused) == 1
    assert execution.children == []


async def test_a_batch_gives_its_results_in_order_and_fails_nothing_else() -> None:
    execution = FakeExecution()

    async def handler(ctx: Any) -> Any:
        assert await ctx.step.batch_invoke_and_wait("none", []) == []
        items = [BatchWorkflowInput(child, {"number": number}) for number in range(2)]
        results = await ctx.step.batch_invoke_and_wait("many", [*items, BatchWorkflowInput(id="other", payload=5)])
        assert isinstance(results[0].result, Receipt)
        return [[each.workflow_id, each.success, each.error and each.error.type] for each in results]

    assert await run_on(execution, handler) == "suspended"
    execution.finish_batch_child("many", 2, "plain")
    execution.finish_batch_child("many", 1, failure=Failure(type="ValueError", message="bad"))
    execution.finish_batch_child("many", 0, {"total": 1})
    await replayed(execution, handler)
    assert execution.result_value == [["child", True, None], ["child", False, "ValueError"], ["other", True, None]]


async def test_a_batch_of_another_size_than_the_record_s_is_non_deterministic() -> None:
    execution = FakeExecution()
    size = 2

    async def handler(ctx: Any) -> None:
        await ctx.step.batch_invoke("many", [BatchWorkflowInput("w", number) for number in range(size)])
        await ctx.step.suspend("s")

    await run_on(execution, handler)
    execution.resume("s")
    size = 3
    await replayed(execution, handler)
    assert execution.failure is not None
    assert execution.failure.type == "NonDeterminismError"
    assert "of 2 children" in execution.failure.message


async def test_results_of_a_batch_that_are_too_large_together_are_an_error_of_their_own() -> None:
    execution = FakeExecution()
    caught: list[Exception] = []

    async def handler(ctx: Any) -> None:
        try:
            await ctx.step.batch_invoke_and_wait("many", [BatchWorkflowInput("w")])
        except BatchSizeError as error:
            caught.append(error)

    await run_on(execution, handler)
    execution.bring("many", failure=Failure(type="BatchSizeError", message="too large"))
    await replayed(execution, handler)
    assert len(caught) == 1
