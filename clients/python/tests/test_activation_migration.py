"""States of earlier versions of a workflow's code."""

from __future__ import annotations

import time
from typing import Any

import pytest

from polos._gen.polos.v1 import execution_pb2 as pb
from polos.api_errors import LeaseLostError
from polos.errors import StateValidationError
from polos.testing.fake_execution import FakeExecution
from polos.workflow import workflow
from polos.workflow_state import WorkflowState

from .fake_worker import activate, commands_of, run_on


def counting_in(name: str) -> Any:
    """The same steps and waits in each version; what they count in is called otherwise."""

    async def handler(ctx: Any) -> int:
        for part in ("one", "two", "three"):
            ctx.state[name] = ctx.state.get(name, 0) + 1

            def body() -> None:
                ctx.state[name] = ctx.state.get(name, 0) + 10

            await ctx.step.run(part, body)
            ctx.state["log"] = [*ctx.state.get("log", []), f"{part} {ctx.state[name]}"]
            await ctx.step.suspend(f"after {part}")
        count: int = ctx.state[name]
        return count

    return handler


def rename(old_name: str, new_name: str) -> Any:
    def migrate(old: dict[str, Any]) -> dict[str, Any]:
        if old_name not in old:
            raise ValueError(f"no {old_name}")
        old[new_name] = old.pop(old_name)
        return old

    return migrate


v1, v2, v4 = counting_in("a"), counting_in("b"), counting_in("d")
TO_V2: dict[str, Any] = {"state_version": 2, "migrate": {2: rename("a", "b")}}
TO_V4: dict[str, Any] = {
    "state_version": 4,
    "migrate": {**TO_V2["migrate"], 3: rename("b", "c"), 4: rename("c", "d")},
}


async def waiting() -> FakeExecution:
    """An execution that the first version left waiting after its first step."""
    execution = FakeExecution(None, {"a": 0})
    await run_on(execution, v1)
    assert execution.state == {"a": 11, "log": ["one 11"]}
    return execution


async def test_is_migrated_before_the_code_goes_on_which_finds_it_so_on_every_replay() -> None:
    execution = await waiting()
    execution.resume("after one")
    assert await run_on(execution, v2, **TO_V2) == "suspended"
    assert execution.history.version == 2
    assert ["state_migrated"] in commands_of(execution)
    assert execution.state == {"b": 22, "log": ["one 11", "two 22"]}
    execution.resume("after two")
    await run_on(execution, v2, **TO_V2)
    execution.resume("after three")
    assert await run_on(execution, v2, **TO_V2) == "closed"
    assert execution.result_value == 33
    assert execution.state == {"b": 33, "log": ["one 11", "two 22", "three 33"]}


async def test_is_migrated_several_times_with_repairs_in_between() -> None:
    execution = await waiting()
    execution.repair([{"op": "replace", "path": "/a", "value": 100}])
    execution.resume("after one")
    await run_on(execution, v2, **TO_V2)
    execution.repair([{"op": "replace", "path": "/b", "value": 500}])
    execution.resume("after two")
    await run_on(execution, v4, **TO_V4)
    assert execution.history.version == 4
    execution.repair([{"op": "replace", "path": "/d", "value": 1_000}])
    execution.resume("after three")
    assert await run_on(execution, v4, **TO_V4) == "closed"
    assert execution.state == {"d": 1_000, "log": ["one 11", "two 111", "three 511"]}


async def test_is_migrated_before_the_handler_begins_if_that_had_not_begun() -> None:
    execution = FakeExecution(None, {"a": 5})
    await run_on(execution, v2, **TO_V2)
    assert commands_of(execution)[0] == ["state_migrated"]
    assert execution.state == {"b": 16, "log": ["one 16"]}
    execution.resume("after one")
    await run_on(execution, v2, **TO_V2)
    assert execution.state == {"b": 27, "log": ["one 16", "two 27"]}


@pytest.mark.parametrize("at", ["before_commit", "after_commit"])
async def test_is_migrated_once_though_its_worker_dies_before_or_after_the_commit_of_that(at: str) -> None:
    execution = await waiting()
    execution.resume("after one")

    def kill(_: Any) -> None:
        raise LeaseLostError("killed")

    setattr(execution, at, kill)
    assert await run_on(execution, v2, **TO_V2) == "dropped"
    setattr(execution, at, lambda _: None)
    await run_on(execution, v2, **TO_V2)
    assert execution.state == {"b": 22, "log": ["one 11", "two 22"]}
    assert commands_of(execution).count(["state_migrated"]) == 1


async def test_is_kept_by_the_code_that_goes_on_with_it_which_is_not_migrated_again() -> None:
    execution = await waiting()
    execution.resume("after one")
    activation = activate(execution, v2, **TO_V2)
    await activation.run()
    execution.resume("after two")
    assignment = execution.assign(to_keeper=True)
    assert assignment.omitted_steps == 4
    assert activation.resume(assignment, assignment.steps, time.monotonic())
    assert await activation.run() == "suspended"
    assert execution.state["b"] == 33


class First(WorkflowState):
    a: int = 3
    log: list[str] = []


class Second(WorkflowState):
    b: int
    log: list[str] = []
    unit: str = "kg"


async def test_a_model_of_a_later_version_gets_a_migrated_state_with_its_defaults() -> None:
    execution = FakeExecution()

    def counting(name: str) -> Any:
        async def handler(ctx: Any) -> Any:
            setattr(ctx.state, name, getattr(ctx.state, name) + 1)

            def body() -> None:
                setattr(ctx.state, name, getattr(ctx.state, name) + 10)
                ctx.state.log.append("step")

            await ctx.step.run("step", body)
            await ctx.step.suspend("s")
            ctx.state.log.append("end")
            await ctx.step.suspend("t")
            return ctx.state

        return handler

    await run_on(execution, counting("a"), state_schema=First)
    execution.repair([{"op": "replace", "path": "/a", "value": 20}])
    execution.resume("s")
    assert await run_on(execution, counting("b"), state_schema=Second, **TO_V2) == "suspended"
    execution.resume("t")
    assert await run_on(execution, counting("b"), state_schema=Second, **TO_V2) == "closed"
    assert execution.result_value == {"b": 20, "log": ["step", "end"], "unit": "kg"}


class Typed(WorkflowState):
    b: str


async def promise(old: dict[str, Any]) -> dict[str, Any]:
    return old


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"state_version": 2, "migrate": {2: rename("x", "b")}}, "no x"),
        ({"state_version": 2, "migrate": {2: lambda old: None}}, "no dict"),
        ({"state_version": 2, "migrate": {2: promise}}, "coroutine"),
        ({**TO_V2, "state_schema": Typed}, "/b"),
        ({"state_version": 2, "migrate": {2: lambda old: {"at": {1}}}}, "/at"),
        ({"state_version": 2, "migrate": {2: lambda old: {"x": "x" * 1_100_000}}}, "1048576"),
    ],
)
async def test_a_state_that_cannot_be_migrated_is_held_back_as_it_was_until_other_code_goes_on(
    config: dict[str, Any], message: str
) -> None:
    execution = await waiting()
    before = execution.state
    execution.resume("after one")
    assert await run_on(execution, v2, **config) == "closed"
    assert execution.status == pb.EXECUTION_STATUS_PAUSED
    assert execution.failure is not None
    assert execution.failure.type == "StateMigrationError"
    assert message in execution.failure.message
    assert (execution.state, execution.history.version) == (before, 1)
    await run_on(execution, v2, **TO_V2)
    assert execution.state == {"b": 22, "log": ["one 11", "two 22"]}


async def test_a_migration_that_the_server_refuses_holds_the_execution_back() -> None:
    execution = await waiting()
    execution.resume("after one")

    def refuse(request: Any) -> None:
        if request.commands[0].HasField("state_migrated"):
            raise StateValidationError("no", [])

    execution.before_commit = refuse
    await run_on(execution, v2, **TO_V2)
    assert execution.status == pb.EXECUTION_STATUS_PAUSED
    assert execution.failure is not None
    assert execution.failure.type == "StateMigrationError"


async def test_a_state_is_not_given_to_code_of_an_earlier_version() -> None:
    execution = await waiting()
    execution.resume("after one")
    await run_on(execution, v2, **TO_V2)
    execution.resume("after two")
    await run_on(execution, v1)
    assert execution.status == pb.EXECUTION_STATUS_PAUSED
    assert execution.failure is not None
    assert "of version 2" in execution.failure.message
    await run_on(execution, v2, **TO_V2)
    assert execution.state["b"] == 33


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"state_version": 0}, "an integer from 1"),
        ({"state_version": 1.5}, "an integer from 1"),
        ({"state_version": 2}, "no function in migrate for 2"),
        ({"state_version": 3, "migrate": {3: dict}}, "no function in migrate for 2"),
        ({"state_version": 2, "migrate": {2: dict, 3: dict}}, "a migration to 3"),
        ({"migrate": {1: dict}}, "a migration to 1"),
    ],
)
def test_a_declaration_of_versions_that_makes_no_sense_is_refused(config: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        workflow(id="w", auto_register=False, **config)(v1)
