"""What type checkers infer. mypy and pyright read this file; that they find nothing wrong is the test."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from typing_extensions import assert_type

from polos import (
    BatchStepResult,
    BatchWorkflowInput,
    ExecutionHandle,
    Invocation,
    PolosClient,
    Workflow,
    WorkflowContext,
    WorkflowState,
    workflow,
)


class Order(BaseModel):
    item: str


class Receipt(BaseModel):
    number: int


class Counter(WorkflowState):
    n: int = 0


@workflow(state_schema=Counter, id="types.order", auto_register=False)
async def order(ctx: WorkflowContext[Counter], payload: Order) -> Receipt:
    assert_type(ctx.state, Counter)
    assert_type(ctx.state.n, int)
    return Receipt(number=1)


@workflow
async def bare(ctx: WorkflowContext, payload: Order) -> int:
    ctx.state.anything = 1
    return 1


@workflow(id="types.open", auto_register=False)
async def open_state(ctx: WorkflowContext[dict[str, Any]]) -> str:
    ctx.state["anything"] = 1
    return ""


@workflow(id="types.threaded", auto_register=False)
def threaded(ctx: WorkflowContext, payload: dict[str, int]) -> list[int]:
    return []


@workflow(id="types.bare_threaded", auto_register=False)
def threaded_without_payload(ctx: WorkflowContext) -> bool:
    return True


async def double(n: int) -> int:
    return 2 * n


def halve(n: int, *, by: int) -> float:
    return n / by


@workflow(id="types.parent", auto_register=False)
async def parent(ctx: WorkflowContext) -> None:
    assert_type(await ctx.step.run("a", double, 2), int)
    assert_type(await ctx.step.run("b", halve, 2, by=2, max_retries=1), float)
    assert_type(await ctx.step.invoke_and_wait("c", order, Order(item="a"), initial_state=Counter(n=1)), Receipt)
    assert_type(await ctx.step.invoke_and_wait("d", "elsewhere", {"a": 1}), Any)
    results = await ctx.step.batch_invoke_and_wait("e", [BatchWorkflowInput(order, {"item": "a"})])
    assert_type(results, list[BatchStepResult[Receipt]])


def test_workflows_have_the_types_of_their_functions() -> None:
    assert_type(order, Workflow[Order, Counter, Receipt])
    assert_type(bare, Workflow[Order, Any, int])
    assert_type(open_state, Workflow[None, dict[str, Any], str])
    assert_type(threaded, Workflow[dict[str, int], dict[str, Any], list[int]])
    assert_type(threaded_without_payload, Workflow[None, dict[str, Any], bool])


async def calls(client: PolosClient) -> None:
    """Never called."""
    assert_type(order(client, Order(item="a"), initial_state=Counter(n=1)), Invocation[Receipt])
    assert_type(await order(client, {"item": "a"}, initial_state={"n": 1}, timeout=5), Receipt)
    assert_type(await order.run(client, Order(item="a"), queue="q"), Receipt)
    assert_type(await order.invoke(client, Order(item="a"), priority=1), ExecutionHandle[Receipt])
    assert_type(await client.invoke(order, Order(item="a")), ExecutionHandle[Receipt])
    assert_type(await client.run(order, Order(item="a")), Receipt)
    assert_type(await client.invoke("elsewhere", 1), ExecutionHandle[Any])
    assert_type(await client.run("elsewhere"), Any)
    assert_type(await threaded(client, {"a": 1}), list[int])
    assert_type(await open_state(client), str)
    await order(client, Receipt(number=1))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await order(client, Order(item="a"), initial_state=Order(item="a"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await order(client, Order(item="a"), prioritee=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
