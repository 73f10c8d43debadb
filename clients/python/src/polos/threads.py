"""Threads for functions that are not async."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

THREADS_MAX = 256
"""How many functions that are not async run at once in this process; more wait for a thread."""

_POOL = ThreadPoolExecutor(THREADS_MAX, "polos")


async def call_in_thread(call: Callable[[], Any]) -> Any:
    """Calls a function in a thread, with the context variables of the caller. Returns or raises what it does.

    A cancelled caller stops waiting; the thread goes on.
    """
    context = copy_context()
    is_returned, value = await asyncio.get_running_loop().run_in_executor(_POOL, lambda: context.run(_caught, call))
    if not is_returned:
        raise value
    return value


def is_async(function: Any) -> bool:
    """Whether calling a function gives something to await, without doing anything yet."""
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


def _caught(call: Callable[[], Any]) -> tuple[bool, Any]:
    """A future cannot hold each exception: with StopIteration its waiter would never wake."""
    try:
        return True, call()
    except BaseException as error:
        return False, error
