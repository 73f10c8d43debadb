"""Noticing that code is idle."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from itertools import pairwise
from typing import Any

import pytest

from polos.scope import Scope, current_scope
from polos.turn import Bell, turn


def begin(owner: object, code: Callable[[], Awaitable[Any]]) -> asyncio.Task[Any]:
    """Runs code as that of an owner."""

    async def call() -> Any:
        return await code()

    def start() -> asyncio.Task[Any]:
        current_scope.set(Scope(owner, "execution"))
        return asyncio.get_running_loop().create_task(call())

    return copy_context().run(start)


async def hops(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def nested(depth: int) -> None:
    if depth > 0:
        await asyncio.gather(asyncio.create_task(nested(depth - 1)), nested(depth - 1))


async def over_queues() -> None:
    queues: list[asyncio.Queue[int]] = [asyncio.Queue(1) for _ in range(20)]

    async def pass_on(source: asyncio.Queue[int], target: asyncio.Queue[int]) -> None:
        for _ in range(3):
            await target.put(await source.get())

    async def feed() -> None:
        for number in range(3):
            await queues[0].put(number)

    async def drain() -> None:
        for _ in range(3):
            await queues[-1].get()

    pairs = pairwise(queues)
    await asyncio.gather(feed(), *(pass_on(source, target) for source, target in pairs), drain())


async def over_locks() -> None:
    lock = asyncio.Lock()
    condition = asyncio.Condition()

    async def critical() -> None:
        async with lock:
            await hops(3)
        async with condition:
            condition.notify_all()

    await asyncio.gather(*(critical() for _ in range(10)))


async def with_timeouts() -> None:
    await asyncio.wait_for(hops(5), 10)
    task = asyncio.create_task(asyncio.sleep(60))
    await hops(1)
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.parametrize(
    "code",
    [lambda: hops(60), lambda: nested(6), over_queues, over_locks, with_timeouts],
    ids=lambda code: code.__name__,
)
async def test_waits_until_code_has_run_as_far_as_it_can(code: Callable[[], Awaitable[Any]]) -> None:
    owner = object()
    task = begin(owner, code)
    await turn(owner)
    assert task.done()
    await task


async def test_does_not_wait_for_code_that_waits_for_a_time() -> None:
    owner = object()
    task = begin(owner, lambda: asyncio.sleep(60))
    await turn(owner)
    assert not task.done()
    task.cancel()


async def test_does_not_wait_for_the_code_of_others_however_busy() -> None:
    owner = object()

    async def busy() -> None:
        while True:
            await asyncio.sleep(0)

    others = [begin(object(), busy), asyncio.create_task(busy())]
    task = begin(owner, lambda: hops(20))
    for _ in range(10):
        await turn(owner)
    assert task.done()
    for other in others:
        other.cancel()


async def test_many_wait_at_once() -> None:
    owners = [object() for _ in range(50)]
    tasks = [begin(owner, lambda: hops(30)) for owner in owners]
    await asyncio.gather(*(turn(owner) for owner in owners))
    assert all(task.done() for task in tasks)


async def test_gives_up_on_code_that_asks_again_and_again() -> None:
    owner = object()

    async def ask() -> None:
        while True:
            await asyncio.sleep(0)

    task = begin(owner, ask)
    await turn(owner)
    task.cancel()


async def test_sees_code_that_a_foreign_task_wakes() -> None:
    owner = object()
    queue: asyncio.Queue[asyncio.Future[int]] = asyncio.Queue()

    async def answer() -> None:
        while True:
            (await queue.get()).set_result(1)

    async def ask() -> int:
        total = 0
        for _ in range(5):
            future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            await queue.put(future)
            total += await future
        return total

    foreign = asyncio.create_task(answer())
    task = begin(owner, ask)
    await turn(owner)
    assert task.done()
    assert await task == 5
    foreign.cancel()


async def test_other_threads_may_add_callbacks_meanwhile() -> None:
    owner = object()
    loop = asyncio.get_running_loop()
    is_over = threading.Event()

    def disturb() -> None:
        while not is_over.is_set():
            loop.call_soon_threadsafe(lambda: None)

    thread = threading.Thread(target=disturb)
    thread.start()
    task = begin(owner, lambda: nested(7))
    await turn(owner)
    is_over.set()
    thread.join()
    assert task.done()


async def test_a_ring_that_nobody_waited_for_is_kept_once() -> None:
    bell = Bell()
    bell.ring()
    await bell.wait()
    waiting = asyncio.create_task(bell.wait())
    await asyncio.sleep(0)
    assert not waiting.done()
    bell.ring()
    await waiting


def test_an_event_loop_that_is_closed_is_let_go() -> None:
    async def look() -> weakref.ref[asyncio.AbstractEventLoop]:
        await turn(object())
        return weakref.ref(asyncio.get_running_loop())

    loop = asyncio.run(look())
    gc.collect()
    assert loop() is None
