"""Hooks once the outcome of an execution is decided."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from polos._gen.polos.v1 import execution_pb2 as pb
from polos.api_errors import LeaseLostError
from polos.errors import RemoteError
from polos.hook import HookContext, HookResult
from polos.testing.fake_execution import FakeExecution

from .fake_hooks import Answer, breaks, failing, last, listener, raising, returning, returns_one
from .fake_worker import activate, run_on


async def test_on_end_hooks_of_a_handler_that_failed_run_once_after_its_last_attempt() -> None:
    execution = FakeExecution()
    told: list[HookContext] = []
    for attempt in range(1, 4):
        await run_on(execution, breaks, on_start=listener(told), on_end=listener(told))
        assert execution.failed_attempts == attempt
        assert [each.phase for each in told] == (["on_start"] if attempt < 3 else ["on_start", "on_end"])
    error = told[1].current_error
    assert isinstance(error, RemoteError)
    assert (error.type, error.message, told[1].current_output) == ("TypeError", "of the handler", None)
    # What the record of the hooks says must not be run after.
    assert execution.failure is not None
    assert (execution.failure.type, execution.failure.retryable) == ("TypeError", False)
    assert execution.status == pb.EXECUTION_STATUS_FAILED


@pytest.mark.parametrize(
    ("max_retries", "failed_attempts", "runs"),
    [(0, 0, True), (1, 0, False), (1, 1, True), (5, 2, False), (None, 1, False), (None, 2, True)],
)
async def test_on_end_hooks_keep_to_the_retry_policy(max_retries: int | None, failed_attempts: int, runs: bool) -> None:
    execution = FakeExecution()
    execution.max_retries, execution.failed_attempts = max_retries, failed_attempts
    told: list[HookContext] = []
    await run_on(execution, breaks, on_end=listener(told))
    assert len(told) == runs
    assert execution.failure is not None
    assert execution.failure.retryable is not runs


async def test_on_end_hooks_cannot_hide_a_failure_and_all_run(caplog: pytest.LogCaptureFixture) -> None:
    execution = last()
    told: list[HookContext] = []
    on_end = [
        listener(told, lambda ctx, told: HookResult.continue_with(modified_output="fine")),
        listener(told, failing("one")),
        listener(told, raising(RuntimeError("two"))),
        listener(told),
    ]
    with caplog.at_level(logging.WARNING, "polos.loud"):
        await activate(execution, breaks, on_end=on_end, logger=logging.getLogger("polos.loud")).run()
    said = [record.getMessage().split("then this happened too: ")[1] for record in caplog.records]
    assert said == ["one", 'the on_end hook "listener" failed: two']
    assert [each.current_error and each.current_error.message for each in told] == ["of the handler"] * 4
    assert execution.failure is not None
    assert (execution.failure.type, execution.failure.message) == ("TypeError", "of the handler")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (failing("not good enough"), "not good enough"),
        (raising(RuntimeError("boom")), 'the on_end hook "listener" failed: boom'),
        (lambda ctx, told: HookResult.continue_with(modified_output="no number"), "the result is not valid"),
    ],
)
async def test_on_end_hooks_that_fail_make_a_failure_of_a_success(answer: Answer, message: str) -> None:
    execution = FakeExecution()
    told: list[HookContext] = []
    await run_on(execution, returns_one, on_end=[listener(told, answer), listener(told)])
    assert execution.failure is not None
    assert (execution.failure.type, execution.failure.retryable) == ("HookExecutionError", False)
    assert message in execution.failure.message
    assert [each.current_output for each in told] == [1, None]


async def test_on_end_hooks_are_told_of_a_result_that_nobody_will_get() -> None:
    for result, kind in (("x", "ResultValidationError"), ({1: 2}, "SerializationError")):
        execution = FakeExecution()
        told: list[HookContext] = []

        schema = int if kind == "ResultValidationError" else None
        await run_on(execution, returning(result), output_schema=schema, on_end=listener(told))
        assert told[0].current_error is not None
        assert told[0].current_error.type == kind
        assert execution.failure is not None
        assert execution.failure.type == kind


@pytest.mark.parametrize("second", [raising(TypeError("later")), lambda ctx, told: "fine"])
async def test_the_outcome_that_on_end_hooks_were_told_of_stays(second: Answer) -> None:
    execution = last()
    told: list[HookContext] = []
    runs = 0

    async def handler(ctx: Any) -> Any:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise ValueError("first")
        return second(ctx, told[0])

    config: Any = {"on_end": [listener(told, name="one"), listener(told, name="two")]}
    activation = activate(execution, handler, **config)

    def die(_: Any) -> None:
        activation.drop()
        raise LeaseLostError("killed")

    execution.after_commit = die
    assert await activation.run() == "dropped"
    execution.after_commit = lambda _: None
    await run_on(execution, handler, **config)
    assert [each.current_error and str(each.current_error) for each in told] == ["ValueError: first"] * 2
    assert execution.failure is not None
    assert (execution.failure.type, execution.failure.message) == ("ValueError", "first")
    assert "raise ValueError" in execution.failure.stack


async def test_a_result_that_becomes_an_error_on_replay_is_non_deterministic() -> None:
    execution = last()
    runs = 0

    async def handler(ctx: Any) -> str:
        nonlocal runs
        runs += 1
        if runs > 1:
            raise RuntimeError("later")
        return "fine"

    config: Any = {"on_end": [listener([], name="one"), listener([], name="two")]}
    activation = activate(execution, handler, **config)

    def die(_: Any) -> None:
        activation.drop()
        raise LeaseLostError("killed")

    execution.after_commit = die
    await activation.run()
    execution.after_commit = lambda _: None
    await run_on(execution, handler, **config)
    assert execution.failure is not None
    assert execution.failure.type == "NonDeterminismError"
    assert "but now it raised RuntimeError: later" in execution.failure.message
