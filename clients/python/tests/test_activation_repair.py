"""States that an operator repaired."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from polos._gen.polos.v1 import execution_pb2 as pb
from polos.api_errors import LeaseLostError
from polos.state.patch import PatchOperation
from polos.testing.fake_execution import FakeExecution
from polos.workflow_state import WorkflowState

from .fake_worker import activate, run_on


def one() -> int:
    return 1


def put(path: str, value: Any) -> list[PatchOperation]:
    return [{"op": "replace", "path": path, "value": value}]


class Stages(WorkflowState):
    model_config = ConfigDict(extra="allow")

    n: int = 0
    seen: list[int] = []


async def stages(ctx: Any) -> Any:
    """A step, a wait, a step, a wait; notes what it finds in the state after each."""
    ctx.state.n = 1
    await ctx.step.run("a", one)
    ctx.state.seen.append(ctx.state.n)
    await ctx.step.suspend("s1")
    ctx.state.seen.append(ctx.state.n)
    await ctx.step.run("b", one)
    await ctx.step.suspend("s2")
    ctx.state.seen.append(ctx.state.n)
    return ctx.state.n


async def test_is_what_the_code_finds_after_its_wait_on_every_replay() -> None:
    execution = FakeExecution()
    await run_on(execution, stages, state_schema=Stages)
    execution.repair(put("/n", 5))
    assert await run_on(execution, stages, state_schema=Stages) == "suspended"
    execution.resume("s1")
    assert await run_on(execution, stages, state_schema=Stages) == "suspended"
    execution.repair(put("/n", 7))
    execution.resume("s2")
    assert await run_on(execution, stages, state_schema=Stages) == "closed"
    assert execution.state == {"n": 7, "seen": [1, 5, 7]}
    assert execution.result_value == 7


async def test_is_given_to_code_that_is_kept_by_replaying_it_and_that_is_kept_from_then_on() -> None:
    execution = FakeExecution()
    first = activate(execution, stages, state_schema=Stages)
    await first.run()
    execution.repair(put("/n", 5))
    execution.resume("s1")
    assignment = execution.assign(to_keeper=True)
    assert not first.resume(assignment, assignment.steps, time.monotonic())
    first.drop()
    second = activate(execution, stages, state_schema=Stages)
    assert await second.run() == "suspended"
    execution.resume("s2")
    again = execution.assign(to_keeper=True)
    assert again.omitted_steps == 4
    assert second.resume(again, again.steps, time.monotonic())
    assert await second.run() == "closed"
    assert execution.state["seen"] == [1, 5, 5]


@pytest.mark.parametrize("is_model", [True, False])
async def test_keeps_the_references_that_the_code_holds_into_it(is_model: bool) -> None:
    class Customer(BaseModel):
        name: str = ""
        tags: list[str] = []
        greeted: str = ""

        def __getitem__(self, key: str) -> Any:
            return getattr(self, key)

        def __setitem__(self, key: str, value: Any) -> None:
            setattr(self, key, value)

    class Shop(WorkflowState):
        customer: Customer = Customer()
        note: str = ""

    execution = FakeExecution()

    async def handler(ctx: Any) -> bool:
        if is_model:
            ctx.state.customer = Customer(name="Ada", tags=["new"])
            customer = ctx.state.customer
        else:
            customer = ctx.state["customer"] = {"name": "Ada", "tags": ["new"], "greeted": ""}
        await ctx.step.suspend("s")
        customer["greeted"] = customer["name"]
        return customer is (ctx.state.customer if is_model else ctx.state["customer"])

    config: Any = {"state_schema": Shop if is_model else None}
    await run_on(execution, handler, **config)
    mended = {"name": "Grace", "tags": ["new", "vip"], "greeted": ""}
    execution.repair(put("", {"customer": mended, "note": "x"}))
    execution.resume("s")
    await run_on(execution, handler, **config)
    assert execution.result_value is True
    assert execution.state == {"customer": {**mended, "greeted": "Grace"}, "note": "x"}


async def test_is_what_the_handler_starts_with_if_it_had_not_begun() -> None:
    execution = FakeExecution(None, {"factor": 2})
    execution.repair(put("/factor", 10))
    execution.repair([{"op": "add", "path": "/note", "value": "mended"}])
    found: list[Any] = []

    async def handler(ctx: Any) -> None:
        found.append(dict(ctx.state))
        ctx.state["total"] = ctx.state["factor"] * await ctx.step.run("three", lambda: 3)
        await ctx.step.suspend("s")

    await run_on(execution, handler)
    execution.resume("s")
    assert await run_on(execution, handler) == "closed"
    assert found == [{"factor": 10, "note": "mended"}] * 2
    assert execution.state == {"factor": 10, "note": "mended", "total": 30}


async def test_is_what_an_attempt_finds_that_would_fail_again_without_it() -> None:
    execution = FakeExecution()

    async def handler(ctx: Any) -> Any:
        ctx.state["price"] = await ctx.step.run("price", lambda: -1)
        await ctx.step.run("rest", one)
        ctx.state["checks"] = ctx.state.get("checks", 0) + 1
        if ctx.state["price"] < 0:
            ctx.state["error"] = "negative"
            raise RuntimeError("the price is negative")
        await ctx.step.suspend("s")
        return ctx.state["price"]

    await run_on(execution, handler)
    assert execution.state == {"price": -1, "checks": 1, "error": "negative"}
    execution.repair([*put("/price", 12), {"op": "remove", "path": "/error"}])
    assert await run_on(execution, handler) == "suspended"
    assert execution.state == {"price": 12, "checks": 1}
    execution.resume("s")
    assert await run_on(execution, handler) == "closed"
    assert execution.result_value == 12


async def test_leaves_to_code_that_runs_again_what_that_code_makes_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    execution = FakeExecution()

    async def handler(ctx: Any) -> None:
        await ctx.step.run("a", one)
        ctx.state["config"] = {"url": "bad"}
        if "mended" not in ctx.state:
            raise RuntimeError("bad url")

    await run_on(execution, handler)
    execution.repair([*put("/config/url", "good"), {"op": "add", "path": "/mended", "value": True}])
    with caplog.at_level(logging.WARNING, "polos.loud"):
        assert await activate(execution, handler, logger=logging.getLogger("polos.loud")).run() == "closed"
    assert execution.state == {"config": {"url": "bad"}, "mended": True}
    assert "/config/url" in caplog.text


async def test_is_told_from_a_state_that_the_code_does_not_come_to_any_more() -> None:
    execution = FakeExecution()

    def handler_of(makes: bool) -> Any:
        async def handler(ctx: Any) -> None:
            if makes:
                ctx.state["n"] = 1
            await ctx.step.run("a", one)
            await ctx.step.suspend("s")

        return handler

    await run_on(execution, handler_of(True))
    execution.repair(put("/n", 5))
    execution.resume("s")
    await run_on(execution, handler_of(False))
    assert execution.failure is not None
    assert execution.failure.type == "NonDeterminismError"
    assert 'nothing is at "/n"' in execution.failure.message


async def test_does_not_let_code_end_before_it() -> None:
    execution = FakeExecution()

    async def shorter(ctx: Any) -> None:
        await ctx.step.run("a", one)

    await run_on(execution, stages, state_schema=Stages)
    execution.repair(put("/n", 5))
    await run_on(execution, shorter, state_schema=Stages)
    assert execution.status == pb.EXECUTION_STATUS_PAUSED
    assert execution.failure is not None
    assert "a repair of the state" in execution.failure.message


class Branches(WorkflowState):
    log: list[str] = []
    x: int = 0
    y: int = 0
    repaired: int | None = None


async def branches(ctx: Any) -> None:
    """Branches, own changes of steps, and waits."""

    def note(text: str) -> None:
        ctx.state.log.append(text)

    async def branch(name: str) -> None:
        for part in (1, 2):
            await ctx.step.run(f"{name}{part}", note, f"{name}{part}")
            setattr(ctx.state, name, getattr(ctx.state, name) + part)
            await ctx.step.suspend(f"wait-{name}{part}")

    await asyncio.gather(branch("x"), branch("y"))


@pytest.mark.parametrize("is_killed", [True, False])
@pytest.mark.parametrize("place", range(4))
async def test_a_repair_at_any_place_of_a_program_that_dies_at_any_place(place: int, is_killed: bool) -> None:
    execution = FakeExecution()
    await run_on(execution, branches, state_schema=Branches)
    commits = 0
    for index, wait in enumerate(["wait-y1", "wait-x1", "wait-x2", "wait-y2"]):
        if index == place:
            execution.repair(put("/repaired", index))
        execution.resume(wait)
        for kills in (3, 2, 1, 0) if is_killed else (0,):

            def kill(_: Any, kills: int = kills) -> None:
                nonlocal commits
                commits += 1
                if kills > 0 and commits % 2 == 0:
                    raise LeaseLostError("killed")

            execution.before_commit = kill
            if await run_on(execution, branches, state_schema=Branches) != "dropped":
                break
    assert execution.status == pb.EXECUTION_STATUS_COMPLETED
    state = execution.state
    assert sorted(state.pop("log")) == ["x1", "x2", "y1", "y2"]
    assert state == {"x": 3, "y": 3, "repaired": place}
