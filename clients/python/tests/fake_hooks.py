"""Hooks and handlers for tests of hooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from polos.hook import Hook, HookContext, HookResult, hook
from polos.testing.fake_execution import FakeExecution

Answer = Callable[[Any, HookContext], Any]


def listener(told: list[HookContext], answer: Answer = lambda ctx, told: None, name: str = "listener") -> Hook:
    """A hook that notes what it is told, and answers as it should. It is not retried."""

    @hook(name=name, max_retries=0)
    def listen(ctx: Any, hook_context: HookContext) -> Any:
        told.append(hook_context)
        return answer(ctx, hook_context)

    return listen


def raising(error: Exception) -> Answer:
    def answer(ctx: Any, told: HookContext) -> None:
        raise error

    return answer


def failing(message: str) -> Answer:
    return lambda ctx, told: HookResult.fail(message)


async def returns_one(ctx: Any) -> int:
    return 1


async def breaks(ctx: Any) -> None:
    raise TypeError("of the handler")


def returning(result: Any) -> Any:
    async def handler(ctx: Any) -> Any:
        return result

    return handler


def last() -> FakeExecution:
    """An execution whose first attempt is its last."""
    execution = FakeExecution()
    execution.max_retries = 0
    return execution
