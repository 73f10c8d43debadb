"""What a user does wrong says what, where and what to do."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from polos import AccessDeniedError, PolosClient, Worker, WorkflowContext, WorkflowFailedError, WorkflowState, workflow
from polos._gen.polos.v1 import execution_pb2 as pb
from polos.testing.fake_execution import FakeExecution

from .fake_worker import run_on
from .real_server import Server, serving


@pytest.mark.parametrize("handler", [lambda: None, lambda ctx, a, b: None])
def test_a_handler_of_another_arity_is_named_with_its_parameters(handler: Any) -> None:
    with pytest.raises(TypeError) as caught:
        workflow(id="arity", auto_register=False)(handler)
    text = str(caught.value)
    assert 'the handler of "arity"' in text
    assert "write it as handler(ctx) or handler(ctx, payload)" in text
    assert ("(ctx, a, b)" in text) or ("()" in text)


@pytest.mark.parametrize("schema", [dict, {"n": int}, object()])
def test_a_state_schema_that_is_no_model_is_refused_with_what_to_inherit_from(schema: Any) -> None:
    async def handler(ctx: Any) -> None: ...

    with pytest.raises(TypeError, match="inherits from WorkflowState, not"):
        workflow(id="schema", state_schema=schema, auto_register=False)(handler)


async def test_a_payload_without_annotation_is_plain_data(client: PolosClient) -> None:
    @workflow(id="py.bare", auto_register=False)
    async def bare(ctx, payload):  # type: ignore[no-untyped-def]
        return [type(payload).__name__, payload]

    async with serving(client, bare):
        assert await bare(client, {"a": {"b": [1]}}) == ["dict", {"a": {"b": [1]}}]
        assert await bare(client, [1, "x"]) == ["list", [1, "x"]]
        assert await bare(client) == ["NoneType", None]


class Unwritable:
    """An object that JSON has no form for."""


def _generated() -> Any:
    return (number for number in range(3))


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda: {"a": [Unwritable()]}, "/a/0"),
        (lambda: {"when": {1, 2}}, "/when"),
        (lambda: float("nan"), ""),
        (_generated, ""),
        (lambda: asyncio.sleep, ""),
    ],
)
async def test_a_result_that_json_cannot_hold_fails_the_execution_at_once(
    client: PolosClient, make: Callable[[], Any], path: str
) -> None:
    calls = 0

    @workflow(id="py.unwritable", auto_register=False)
    async def unwritable(ctx: WorkflowContext) -> Any:
        nonlocal calls
        calls += 1
        return make()

    async with serving(client, unwritable):
        with pytest.raises(WorkflowFailedError) as caught:
            await unwritable.run(client, timeout=20)
    cause: Any = caught.value.__cause__
    assert (cause.type, cause.details, calls) == ("SerializationError", {"path": path}, 1)
    assert "the result cannot be written as JSON" in cause.message


class Log(WorkflowState):
    log: list[str] = []
    nested: dict[str, list[str]] = {"a": []}
    n: int = 0

    def count(self) -> int:
        self.n += 1
        return self.n


@pytest.mark.parametrize(
    ("method", "name"),
    [
        (lambda state: state.log.append, "append"),
        (lambda state: functools.partial(state.nested["a"].append, "y"), "append"),
        (lambda state: state.nested.update, "update"),
        (lambda state: state.count, "count"),
    ],
)
async def test_a_method_of_the_state_is_no_function_of_a_step(method: Callable[[Log], Any], name: str) -> None:
    execution = FakeExecution()

    async def handler(ctx: WorkflowContext[Log]) -> None:
        await ctx.step.run("add", method(ctx.state), "x")

    await run_on(execution, handler, state_schema=Log)
    assert execution.failure is not None
    assert (execution.status, execution.failure.type) == (pb.EXECUTION_STATUS_FAILED, "InvalidStepError")
    assert f'step "add" is given "{name}" of the state itself' in execution.failure.message
    assert f"lambda: ctx.state.<...>.{name}(..)" in execution.failure.message
    assert (execution.steps, execution.state) == ([], Log().model_dump())


async def test_a_method_of_an_open_state_is_no_function_of_a_step_either() -> None:
    execution = FakeExecution(None, {"log": []})

    async def handler(ctx: Any) -> Any:
        refused = ""
        try:
            await ctx.step.run("add", ctx.state["log"].append, "x")
        except Exception as error:
            refused = type(error).__name__
        # The key is free, and what the message says works.
        await ctx.step.run("add", lambda: ctx.state["log"].append("x"))
        return refused

    await run_on(execution, handler)
    assert (execution.result_value, execution.state) == ("InvalidStepError", {"log": ["x"]})


async def test_methods_of_other_objects_are_functions_of_steps() -> None:
    execution = FakeExecution(None, {"log": ["a"]})
    own: list[str] = ["a"]  # Equal to what is in the state, and not it.

    async def handler(ctx: Any) -> None:
        await ctx.step.run("add", own.append, "x")
        await ctx.step.run("upper", "text".upper)

    await run_on(execution, handler)
    assert (execution.status, own) == (pb.EXECUTION_STATUS_COMPLETED, ["a", "x"])


@pytest.mark.parametrize("make", [lambda: 5, lambda: None, lambda: asyncio.sleep(0)])
async def test_what_is_no_function_is_refused_with_how_to_pass_one(make: Callable[[], Any]) -> None:
    execution = FakeExecution()

    async def handler(ctx: Any) -> None:
        await ctx.step.run("fetch", make())

    await run_on(execution, handler)
    assert execution.failure is not None
    assert execution.failure.type == "InvalidStepError"
    assert 'step "fetch" needs a function' in execution.failure.message
    assert 'ctx.step.run("fetch", function, argument)' in execution.failure.message


@workflow(id="py.greet", auto_register=False)
async def greet(ctx: WorkflowContext) -> str:
    return "hello"


async def test_a_worker_waits_for_a_server_that_is_down_and_says_which(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = Server(tmp_path)
    server.start()
    server.kill()  # Its port is free again, and its own when it comes back.
    async with PolosClient(server.url) as client:
        worker = Worker(client, workflows=[greet], handle_signals=False)
        running = asyncio.create_task(worker.run())
        while "waiting for the server" not in caplog.text:
            await asyncio.sleep(0.01)
            assert not running.done()
        assert f"cannot reach a Polos server at {server.url}" in caplog.text
        assert (worker.get_state(), worker.get_worker_id()) == ("starting", None)
        await asyncio.to_thread(server.start)
        await asyncio.wait_for(worker.when_running(), 30)
        assert await greet.run(client, timeout=20) == "hello"
        assert caplog.text.count("waiting for the server") == 1
        await worker.shutdown()
        await running
    server.kill()


async def test_a_worker_that_waits_for_a_server_can_be_shut_down(caplog: pytest.LogCaptureFixture) -> None:
    async with PolosClient("http://127.0.0.1:1") as client:
        worker = Worker(client, workflows=[greet], handle_signals=False)
        running = asyncio.create_task(worker.run())
        while "waiting for the server" not in caplog.text:
            await asyncio.sleep(0.01)
        await worker.shutdown()
        await asyncio.wait_for(running, 10)


async def test_a_wrong_key_ends_client_and_worker_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLOS_API_KEYS", "secret")
    server = Server(tmp_path)
    server.start()
    try:
        for key in ("wrong", None):
            async with PolosClient(server.url, key) as client:
                with pytest.raises(AccessDeniedError, match="key") as denied:
                    await asyncio.wait_for(client.invoke("py.greet"), 10)
                assert denied.value.status == "UNAUTHENTICATED"
                worker = Worker(client, workflows=[greet], handle_signals=False)
                with pytest.raises(AccessDeniedError, match="key"):
                    await asyncio.wait_for(worker.run(), 10)
                assert worker.get_state() == "stopped"
        async with PolosClient(server.url, "secret") as client, serving(client, greet):
            assert await greet.run(client, timeout=20) == "hello"
    finally:
        server.kill()
