"""Errors on the wire, and commits that are refused."""

from __future__ import annotations

import builtins
import copy
import pickle
import sys
import time
from typing import Any

import pytest

from polos import errors
from polos._gen.polos.v1 import execution_pb2 as pb
from polos._gen.polos.v1 import step_pb2 as step
from polos._gen.polos.v1.failure_pb2 import Failure
from polos._gen.polos.v1.worker_service_pb2 import CompleteStepRequest, CompleteStepResponse, Lease
from polos.api_errors import InvalidArgumentError, ResultConflictError, UnavailableError
from polos.errors import RemoteError, StepExecutionError, StepTimeoutError
from polos.failure import FailedStep, is_retryable, to_attempt_failure, to_error, to_failure, to_step_error
from polos.issue import Issue
from polos.lease_holder import LeaseHolder
from polos.testing.fake_execution import FakeExecution

from .fake_worker import commands_of, run_on


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


def test_an_error_keeps_its_type_message_stack_and_causes() -> None:
    error = ValueError("outer")
    error.__cause__ = KeyError("inner")
    failure = to_failure(raised(error))
    assert (failure.type, failure.message, failure.retryable) == ("ValueError", "outer", True)
    assert "in raised" in failure.stack
    assert (failure.cause.type, failure.cause.message) == ("KeyError", "'inner'")
    again = to_error(failure)
    assert (again.type, again.message, again.stack) == ("ValueError", "outer", failure.stack)
    assert again.cause is not None
    assert again.cause.type == "KeyError"
    assert to_failure(again) == failure


def test_what_is_said_is_cut_to_what_the_protocol_takes() -> None:
    class Silent(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    long = to_failure(ValueError("ü" * 100_000))
    assert len(long.message.encode()) <= 65_000
    assert long.message.endswith("ü... (cut)")
    assert len(to_attempt_failure(ValueError("x" * 5_000)).message) == 1_000
    assert to_failure(ValueError("a\ud800b")).message == "a?b"
    assert to_failure(Silent()).message == "an error that has no text"
    assert len(to_failure(type("X" * 500, (Exception,), {})()).type) == 200
    deep: BaseException = ValueError("0")
    for number in range(1, 30):
        outer = ValueError(str(number))
        outer.__cause__ = deep
        deep = outer
    levels, failure = 1, to_failure(deep)
    while failure.HasField("cause"):
        levels, failure = levels + 1, failure.cause
    assert levels == 16
    circle = ValueError("circle")
    circle.__cause__ = circle
    assert not to_failure(circle).HasField("cause")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="there are no groups of errors")
def test_a_group_of_errors_may_be_tried_again_if_each_of_them_may() -> None:
    group: Any = getattr(builtins, "ExceptionGroup", None)
    inner = group("inner", [errors.InvalidStepError("no")])
    assert is_retryable(group("g", [ValueError("a"), KeyError("b")]))
    assert not is_retryable(group("g", [ValueError("a"), inner]))
    failure = to_failure(group("g", [ValueError("a"), KeyError("b")]))
    assert (failure.type, failure.cause.type, failure.cause.message) == ("ExceptionGroup", "ValueError", "a")


@pytest.mark.parametrize(
    ("error", "details"),
    [
        (errors.StateValidationError("no", [Issue("/a", "bad")]), {"issues": [{"path": "/a", "message": "bad"}]}),
        (errors.PayloadValidationError("no", [Issue("", "bad")]), {"issues": [{"path": "", "message": "bad"}]}),
        (errors.StateSizeError(5, 4), {"size": 5, "maxSize": 4}),
        (errors.SerializationError("no", "/x"), {"path": "/x"}),
        (errors.HookExecutionError("no", "h", "on_end"), {"hookName": "h", "phase": "onEnd"}),
        (errors.InvalidStepError("no"), None),
    ],
)
def test_data_that_other_languages_need_goes_along(error: Exception, details: Any) -> None:
    failure = to_failure(error)
    assert to_error(failure).details == details
    assert failure.type == type(error).__name__
    assert not failure.retryable
    assert not is_retryable(error)


def test_an_attempt_that_took_too_long_may_be_tried_again() -> None:
    assert is_retryable(StepTimeoutError("s", 1))
    assert isinstance(StepTimeoutError("s", 1), TimeoutError)


@pytest.mark.parametrize(
    ("kind", "type", "expected"),
    [
        (step.STEP_KIND_SUSPEND, "WaitTimeoutError", errors.WaitTimeoutError),
        (step.STEP_KIND_INVOKE_AND_WAIT, "WaitTimeoutError", StepExecutionError),
        (step.STEP_KIND_RUN, "StateConflictError", errors.StateConflictError),
        (step.STEP_KIND_RUN, "BatchSizeError", StepExecutionError),
        (step.STEP_KIND_BATCH_INVOKE_AND_WAIT, "BatchSizeError", errors.BatchSizeError),
    ],
)
def test_an_error_of_the_sdk_s_own_is_that_again_only_for_the_steps_that_raise_it(
    kind: int, type: str, expected: Any
) -> None:
    error = to_step_error(FailedStep("s", kind), 0, Failure(type=type, message="m"))
    assert error.__class__ is expected
    assert to_failure(error).step_key == "s"


def test_errors_survive_a_copy_to_another_process() -> None:
    cause = RemoteError("ValueError", "bad", cause=RemoteError("KeyError", "k"), details={"a": 1}, stack="s")
    for error in (
        errors.StateConflictError("s", 2, cause, "/a"),
        errors.WaitTimeoutError("s", cause),
        errors.WorkflowFailedError("e", "w", cause),
        errors.WorkflowTimeoutError("e", "late", 5),
        errors.StateSizeError(5, 4),
        errors.StateValidationError("no", [Issue("/a", "bad")]),
        InvalidArgumentError("no", [Issue("/a", "bad")]),
        cause,
    ):
        for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
            assert type(again) is type(error)
            assert str(again) == str(error)
            assert repr(again.__dict__) == repr(error.__dict__)
            assert repr(again.__cause__) == repr(error.__cause__)


async def one_step(ctx: Any) -> Any:
    ctx.state["n"] = 1
    return await ctx.step.run("a", lambda: 1)


def refuse(execution: FakeExecution, error: Exception, times: int = 1_000) -> list[CompleteStepRequest]:
    """Refuses commits that hold a step, as often as it is told."""
    refused: list[CompleteStepRequest] = []

    def before(request: CompleteStepRequest) -> None:
        holds_step = any(command.HasField("step_completed") for command in request.commands)
        if holds_step and len(refused) < times:
            refused.append(request)
            raise error

    execution.before_commit = before
    return refused


async def test_a_commit_is_sent_again_unchanged_while_the_store_is_down() -> None:
    execution = FakeExecution()
    refused = refuse(execution, UnavailableError("down", 0.001), 3)
    assert await run_on(execution, one_step) == "closed"
    assert execution.status == pb.EXECUTION_STATUS_COMPLETED
    assert [*refused, execution.commits[0]] == [refused[0]] * 4


async def test_a_commit_is_given_up_once_the_lease_is_surely_over() -> None:
    execution = FakeExecution()
    refuse(execution, UnavailableError("down", 2.1))
    assert await run_on(execution, one_step) == "dropped"


@pytest.mark.parametrize(
    ("error", "kind", "retryable"),
    [
        (errors.StateSizeError(5, 4), "StateSizeError", False),
        (InvalidArgumentError("no", []), "InvalidArgumentError", False),
        (ResultConflictError("other"), "ResultConflictError", True),
    ],
)
async def test_a_refused_commit_fails_the_execution_instead_of_going_round_in_circles(
    error: Exception, kind: str, retryable: bool
) -> None:
    execution = FakeExecution()
    refused = refuse(execution, error)
    assert await run_on(execution, one_step) == "closed"
    assert len(refused) == 1
    assert execution.failure is not None
    assert (execution.failure.type, execution.failure.retryable) == (kind, retryable)
    assert commands_of(execution) == [["execution_failed"]]


async def test_an_acknowledgement_counts_from_when_the_completion_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    pause = 1.0
    monkeypatch.setattr(time, "monotonic", lambda: now)

    class Port:
        async def complete(self, request: CompleteStepRequest) -> CompleteStepResponse:
            nonlocal now
            now += pause
            return CompleteStepResponse()

    holder = LeaseHolder(Port(), Lease(epoch=1), 9.0)
    await holder.complete([], False)
    held = [holder.is_surely_held]
    # The process was stopped between the answer and its reading, for longer than the lease lasts.
    pause = 9.001
    await holder.complete([], False)
    held.append(holder.is_surely_held)
    holder.confirm(now)
    assert [*held, holder.is_surely_held] == [True, False, True]
