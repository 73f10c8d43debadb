"""Attempts of a step's function: retries, limits, threads, results."""

from __future__ import annotations

import asyncio
import contextvars
import datetime
import functools
import threading
import time
from collections.abc import Awaitable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel, Field

from polos.errors import InvalidStepError, StepExecutionError, StepTimeoutError
from polos.scope import step_attempt
from polos.testing.fake_execution import FakeExecution

from .fake_worker import run_on


class Item(BaseModel):
    name: str = Field(alias="theName")


@dataclass
class Point:
    x: int
    y: int = 0


class Pair(NamedTuple):
    left: int
    right: str


async def outcome_of(function: Any, *args: Any, **options: Any) -> tuple[Any, FakeExecution]:
    """What the code gets, live and on replay, of one step."""
    execution = FakeExecution()
    seen: list[Any] = []

    async def handler(ctx: Any) -> None:
        try:
            seen.append(await ctx.step.run("s", function, *args, **{"base_delay": 0, **options}))
        except StepExecutionError as error:
            seen.append(error)
        if len(seen) == 1:
            raise RuntimeError("again")

    await run_on(execution, handler)
    await run_on(execution, handler)
    live, replayed = seen
    assert repr(live) == repr(replayed)
    assert type(live) is type(replayed)
    return live, execution


def unannotated(value: Any) -> Any:
    return value


def item() -> Item:
    return Item(theName="x")


def items() -> list[Item]:
    return [item()]


def dict_for_item() -> Item:
    return {"theName": "y"}  # type: ignore[return-value]


def moment() -> datetime.datetime:
    return datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


def names() -> set[str]:
    return {"a", "b"}


def pair() -> Pair:
    return Pair(1, "r")


def point() -> Point:
    return Point(1, 2)


def ratio() -> float:
    return 2.0


def amount() -> Decimal:
    return Decimal("1.50")


def two() -> tuple[int, str]:
    return 1, "b"


async def async_item() -> Item:
    return item()


def lazily() -> Awaitable[Item]:
    return async_item()


class ItemMaker:
    async def __call__(self, number: int) -> Item:
        return item()


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (item, Item(theName="x")),
        (items, [Item(theName="x")]),
        (dict_for_item, Item(theName="y")),
        (async_item, Item(theName="x")),
        (lazily, Item(theName="x")),
        (functools.partial(functools.partial(async_item)), Item(theName="x")),
        (moment, moment()),
        (names, names()),
        (pair, Pair(1, "r")),
        (point, Point(1, 2)),
        (ratio, 2.0),
        (amount, Decimal("1.50")),
        (two, (1, "b")),
        (functools.partial(Item, theName="x"), Item(theName="x")),
        (functools.partial(Point, 1), Point(1)),
        (lambda: unannotated(item()), {"theName": "x"}),
        (lambda: (1, [point()]), [1, [{"x": 1, "y": 2}]]),
        (lambda: unannotated(async_item()), {"theName": "x"}),
    ],
)
async def test_the_code_gets_what_the_function_says_that_it_returns(function: Any, expected: Any) -> None:
    value, _ = await outcome_of(function)
    assert value == expected
    assert type(value) is type(expected)


async def test_a_callable_object_is_a_function_too() -> None:
    value, _ = await outcome_of(ItemMaker(), 1)
    assert value == Item(theName="x")


def bad_number() -> int:
    return "x"  # type: ignore[return-value]


def dates() -> dict[str, Any]:
    return {"at": moment()}


@pytest.mark.parametrize(
    ("function", "kind", "message"),
    [
        (lambda: {1, 2}, "SerializationError", "the value is a set"),
        (lambda: {"a": moment()}, "SerializationError", 'the value at "/a" is a datetime'),
        (dates, "SerializationError", 'the value at "/at" is a datetime'),
        (lambda: Pair(1, "r"), "SerializationError", "is a Pair"),
        (lambda: "x" * 2_097_152, "PayloadSizeError", "2097154 bytes"),
        (bad_number, "ResultValidationError", "valid integer"),
    ],
)
async def test_a_result_that_cannot_be_recorded_fails_the_step_without_another_attempt(
    function: Any, kind: str, message: str
) -> None:
    error, execution = await outcome_of(function)
    assert isinstance(error, StepExecutionError)
    assert error.cause.type == kind
    assert message in error.cause.message
    assert [len(each.attempts) for each in execution.steps] == [1]


async def test_attempts_and_their_errors_are_recorded() -> None:
    calls = 0

    async def flaky() -> int:
        nonlocal calls
        calls += 1
        if calls < 3:
            raise KeyError(f"call {calls}")
        return step_attempt().attempt

    value, execution = await outcome_of(flaky)
    assert value == 3
    [record] = execution.steps
    assert [(each.number, each.failure.type, each.failure.message) for each in record.attempts] == [
        (1, "KeyError", "'call 1'"),
        (2, "KeyError", "'call 2'"),
        (3, "", ""),
    ]
    assert record.attempts[0].start_time.ToMicroseconds() <= record.attempts[0].end_time.ToMicroseconds()


@pytest.mark.parametrize("non_retryable", [[ValueError], ["ValueError"], ["Special"], [LookupError, "Special"]])
async def test_errors_that_no_retry_can_help_are_not_retried(non_retryable: Any) -> None:
    class Special(ValueError):
        pass

    def fail() -> None:
        raise Special("no")

    error, execution = await outcome_of(fail, non_retryable=non_retryable)
    assert error.cause.type == "Special"
    assert len(execution.steps[0].attempts) == 1


@pytest.mark.parametrize("error", [StopIteration("x"), asyncio.CancelledError(), GeneratorExit()])
@pytest.mark.parametrize("is_async", [True, False])
async def test_whatever_a_function_raises_is_a_failure_of_its_step(error: BaseException, is_async: bool) -> None:
    def fail() -> None:
        raise error

    async def fail_async() -> None:
        raise error

    failure, execution = await outcome_of(fail_async if is_async else fail, max_retries=1)
    assert isinstance(failure, StepExecutionError)
    assert len(execution.steps[0].attempts) == 2


async def test_an_attempt_that_takes_too_long_fails_and_is_cancelled() -> None:
    cancelled: list[int] = []

    async def slow() -> str:
        if step_attempt().attempt == 2:
            return "second"
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            assert isinstance(step_attempt().signal.reason, StepTimeoutError)
            cancelled.append(1)
            raise
        return "never"

    value, execution = await outcome_of(slow, timeout=0.3)
    assert value == "second"
    assert cancelled == [1]
    assert execution.steps[0].attempts[0].failure.message == 'an attempt of step "s" took longer than 0.3 s'


async def test_a_thread_that_takes_too_long_is_left_and_can_look_at_its_signal() -> None:
    ended = threading.Event()

    def slow() -> str:
        attempt = step_attempt()
        if attempt.attempt == 2:
            return "second"
        assert attempt.signal.wait_in_thread(10)
        with pytest.raises(StepTimeoutError):
            attempt.heartbeat()
        ended.set()
        return "too late"

    value, _ = await outcome_of(slow, timeout=0.3)
    assert value == "second"
    assert await asyncio.get_running_loop().run_in_executor(None, ended.wait, 10)


@pytest.mark.parametrize("is_async", [True, False])
async def test_heartbeats_keep_an_attempt_going_and_their_lack_fails_it(is_async: bool) -> None:
    async def beat() -> str:
        attempt = step_attempt()
        for _ in range(6):
            await asyncio.sleep(0.15)
            if attempt.attempt == 2:
                attempt.heartbeat()
        return "done"

    def beat_in_thread() -> str:
        attempt = step_attempt()
        for _ in range(6):
            time.sleep(0.15)
            if attempt.attempt == 2:
                attempt.heartbeat()
        return "done"

    value, execution = await outcome_of(beat if is_async else beat_in_thread, heartbeat_timeout=0.5)
    assert value == "done"
    [first, _] = execution.steps[0].attempts
    assert first.failure.message == 'an attempt of step "s" gave no heartbeat for 0.5 s'


async def test_a_heartbeat_after_the_end_is_an_error() -> None:
    kept: list[Any] = []

    async def keep() -> None:
        kept.append(step_attempt())

    await outcome_of(keep, heartbeat_timeout=5)
    with pytest.raises(InvalidStepError):
        kept[0].heartbeat()


def test_there_is_no_attempt_outside_of_a_step() -> None:
    with pytest.raises(RuntimeError, match="in the function of a step only"):
        step_attempt()


async def test_functions_run_in_the_context_in_which_the_code_asked_for_them() -> None:
    variable = contextvars.ContextVar("variable", default="unset")
    execution = FakeExecution()
    main_thread = threading.get_ident()

    def read() -> list[Any]:
        return [variable.get(), threading.get_ident() != main_thread]

    async def read_async() -> list[Any]:
        return [variable.get(), threading.get_ident() != main_thread]

    async def handler(ctx: Any) -> Any:
        variable.set("a")
        first = await ctx.step.run("sync", read)
        variable.set("b")
        return [first, await ctx.step.run("async", read_async)]

    await run_on(execution, handler)
    assert execution.result_value == [["a", True], ["b", False]]


async def test_names_of_options_can_be_given_to_the_function_with_a_partial() -> None:
    def wait(timeout: int, max_retries: int) -> int:
        return timeout + max_retries

    value, _ = await outcome_of(functools.partial(wait, timeout=5, max_retries=6))
    assert value == 11
