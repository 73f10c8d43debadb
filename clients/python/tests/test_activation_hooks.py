"""Hooks before and after a handler."""

from __future__ import annotations

import asyncio
import datetime
import json
from typing import Any

import pytest
from pydantic import BaseModel

from polos._gen.polos.v1 import execution_pb2 as pb
from polos.hook import HookContext, HookResult, hook, place_hooks
from polos.scope import step_attempt
from polos.testing.fake_execution import FakeExecution
from polos.workflow_state import WorkflowState

from .fake_hooks import Answer, failing, listener, raising, returns_one
from .fake_worker import activate, commands_of, run_on


class Amount(BaseModel):
    n: int
    unit: str = "m"


class Log(WorkflowState):
    log: list[str] = []
    n: int = 0


async def test_hooks_are_steps_before_and_after_the_handler() -> None:
    execution = FakeExecution({"a": 1})
    told: list[HookContext] = []

    async def handler(ctx: Any, payload: Any) -> Any:
        return await ctx.step.run("work", lambda: "done")

    async def asynchronous(ctx: Any, hook_context: HookContext) -> HookResult:
        told.append(hook_context)
        return HookResult.continue_with()

    await run_on(execution, handler, on_start=[listener(told), asynchronous], on_end=listener(told))
    keys = ["on_start.listener.0", "on_start.asynchronous.1", "work", "on_end.listener.0"]
    assert [each.key for each in execution.steps] == keys
    assert commands_of(execution)[-1] == ["step_completed", "execution_completed"]
    start = HookContext("fake", "session", None, {"a": 1}, None, None, "on_start")
    assert told == [start, start, HookContext("fake", "session", None, {"a": 1}, "done", None, "on_end")]


async def test_hooks_change_payload_and_output_for_whatever_comes_after_them() -> None:
    execution = FakeExecution({"n": 1})
    told: list[HookContext] = []

    def grow(ctx: Any, hook_context: HookContext) -> HookResult:
        payload = hook_context.current_payload
        assert isinstance(payload, Amount)
        return HookResult.continue_with(
            modified_payload={"n": payload.n + 1}, modified_output=[hook_context.current_output]
        )

    async def handler(ctx: Any, payload: Amount) -> Any:
        return f"{payload.n} {payload.unit}"

    hooks = [listener(told, grow), listener(told, grow)]
    await run_on(execution, handler, on_start=hooks, on_end=hooks)
    assert [each.current_payload.n for each in told] == [1, 2, 3, 3]
    assert execution.result_value == [["3 m"]]


@pytest.mark.parametrize("value", [0, False, "", []])
async def test_hooks_can_change_payload_and_output_to_what_is_false(value: Any) -> None:
    execution = FakeExecution("payload")
    got: list[Any] = []

    def change(ctx: Any, hook_context: HookContext) -> HookResult:
        return HookResult.continue_with(modified_payload=value, modified_output=value)

    async def handler(ctx: Any, payload: Any) -> Any:
        got.append(payload)
        return "result"

    await run_on(execution, handler, on_start=change, on_end=change)
    assert [got[0], execution.result_value] == [value, value]


async def test_hooks_get_copies() -> None:
    execution = FakeExecution({"list": [1]})
    told: list[HookContext] = []

    def spoil(ctx: Any, hook_context: HookContext) -> None:
        hook_context.current_payload["list"].append(2)
        if hook_context.phase == "on_end":
            hook_context.current_output["list"].append(3)

    async def handler(ctx: Any, payload: dict[str, Any]) -> dict[str, Any]:
        return payload

    await run_on(execution, handler, on_start=[spoil, spoil], on_end=[spoil, listener(told)])
    assert told[0].current_payload == told[0].current_output == {"list": [1]}
    assert execution.result_value == {"list": [1]}


async def test_hooks_change_the_state_as_the_function_of_a_step_does() -> None:
    execution = FakeExecution(None, {"log": ["initial"]})
    calls = 0
    seen: list[Any] = []

    @hook(base_delay=0)
    async def flaky(ctx: Any, hook_context: HookContext) -> None:
        nonlocal calls
        calls += 1
        ctx.state = Log(log=[f"attempt {calls}"])
        if calls == 1:
            raise RuntimeError("once")

    def note(ctx: Any, hook_context: HookContext) -> None:
        ctx.state.log.append(hook_context.phase)

    async def handler(ctx: Any) -> None:
        seen.append(list(ctx.state.log))
        ctx.state.log.append("handler")

    await run_on(execution, handler, state_schema=Log, on_start=[note, flaky], on_end=note)
    assert seen == [["attempt 2"]]
    assert execution.state == {"log": ["attempt 2", "handler", "on_end"], "n": 0}
    assert [len(each.attempts) for each in execution.steps] == [1, 2, 1]


async def test_hooks_must_not_use_steps() -> None:
    execution = FakeExecution()

    async def bad(ctx: Any, hook_context: HookContext) -> None:
        await ctx.step.run("inner", lambda: 1)

    await run_on(execution, returns_one, on_start=bad)
    assert execution.failure is not None
    assert (execution.failure.type, execution.failure.retryable) == ("HookExecutionError", False)
    assert execution.failure.cause.cause.type == "InvalidStepError"


@pytest.mark.parametrize("answer", ["yes", {"n": 1}, True])
async def test_hooks_must_not_return_anything_else(answer: Any) -> None:
    execution = FakeExecution()
    await run_on(execution, returns_one, on_start=lambda ctx, told: answer)
    assert execution.failure is not None
    assert "a hook must return None, or what" in execution.failure.message
    assert len(execution.steps[0].attempts) == 1


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (failing("closed today"), "closed today"),
        (raising(ValueError("boom")), 'the on_start hook "listener" failed: boom'),
        (lambda ctx, told: HookResult.continue_with(modified_payload={"n": "x"}), "the payload is not valid: /n"),
        (
            lambda ctx, told: HookResult.continue_with(modified_payload=datetime.date(2026, 1, 1)),
            "cannot be written as JSON",
        ),
    ],
)
async def test_an_on_start_hook_that_fails_ends_the_execution_before_the_handler(answer: Answer, message: str) -> None:
    execution = FakeExecution({"n": 1})
    told: list[HookContext] = []
    ran = False

    async def handler(ctx: Any, payload: Amount) -> None:
        nonlocal ran
        ran = True

    on_start = [listener([], answer), listener(told, name="next")]
    await run_on(execution, handler, on_start=on_start, on_end=listener(told))
    assert not ran
    assert execution.status == pb.EXECUTION_STATUS_FAILED
    assert execution.failure is not None
    assert (execution.failure.type, execution.failure.retryable) == ("HookExecutionError", False)
    assert message in execution.failure.message
    # The hook after it did not run; that of the end was told.
    [end] = told
    assert end.phase == "on_end"
    assert end.current_error is not None
    assert end.current_error.type == "HookExecutionError"
    assert end.current_error.details == {"hookName": "listener", "phase": "onStart"}


async def test_a_replay_of_hooks_answers_from_the_record_in_every_run() -> None:
    execution = FakeExecution({"n": 1})
    ran: list[str] = []
    payloads: list[Amount] = []

    def start(ctx: Any, hook_context: HookContext) -> HookResult:
        ran.append("start")
        ctx.state["started"] = len(ran)
        return HookResult.continue_with(modified_payload=Amount(n=len(ran) + 1))

    def end(ctx: Any, hook_context: HookContext) -> None:
        ran.append("end")

    async def handler(ctx: Any, payload: Amount) -> int:
        payloads.append(payload)
        await ctx.step.suspend("wait")
        if len(payloads) < 3:
            raise RuntimeError("again")
        started: int = ctx.state["started"]
        return started

    config = {"on_start": start, "on_end": end}
    await run_on(execution, handler, **config)
    execution.resume("wait")
    for _ in range(2):
        await run_on(execution, handler, **config)
    assert execution.result_value == 1
    assert ran == ["start", "end"]
    assert payloads == [Amount(n=2)] * 3


@pytest.mark.parametrize("phase", ["on_start", "on_end"])
async def test_a_cancel_lets_no_hook_run_after_it(phase: str) -> None:
    execution = FakeExecution()
    told: list[HookContext] = []
    has_begun = asyncio.Event()

    async def block(ctx: Any, hook_context: HookContext) -> None:
        has_begun.set()
        await step_attempt().signal.wait()

    config: Any = {phase: [block, listener(told)]}
    activation = activate(execution, returns_one, **config)
    end = asyncio.create_task(activation.run())
    await has_begun.wait()
    execution.cancel_requested = True
    activation.cancel()
    assert await end == "closed"
    assert execution.status == pb.EXECUTION_STATUS_CANCELLED
    assert told == []


def test_what_is_no_hook_is_refused() -> None:
    for wrong in (5, None, "name"):
        with pytest.raises(TypeError):
            place_hooks([wrong], "on_start")
    names: tuple[Any, ...] = ("", "x" * 201, 5, "\ud800")
    for name in names:
        with pytest.raises(TypeError):
            hook(name=name)(lambda ctx, told: None)
    assert json.dumps([place.key for place in place_hooks([raising, listener([])], "on_end")]) == (
        '["on_end.raising.0", "on_end.listener.1"]'
    )
