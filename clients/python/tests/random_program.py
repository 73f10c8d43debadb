"""Random workflows whose effects commute, so that the order in which parallel pieces finish is free."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ConfigDict

from polos import errors
from polos.batch import BatchWorkflowInput
from polos.workflow_state import WorkflowState

KINDS = [
    "step",
    "state_step",
    "value",
    "child",
    "batch",
    "fire",
    "fire_batch",
    "resume",
    "wait",
    "suspend",
    "race",
    "add",
    "replace",
    "parallel",
    "thread",
    "queue",
]


@dataclass(frozen=True)
class Piece:
    """A piece of a program."""

    kind: str
    number: int
    """What it means depends on the kind: turns, failures, a size, an amount."""
    flag: bool
    branches: list[list[Piece]] = field(default_factory=list)


class ProgramState(WorkflowState):
    """The state as a model that is used like a dict."""

    model_config = ConfigDict(extra="allow")

    total: int = 0
    marks: list[str] = []
    log: list[str] = []
    own: dict[str, Any] = {}
    kinds: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        return getattr(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        setattr(self, key, value)


def random_program(source: random.Random, depth: int = 0) -> list[Piece]:
    """A program of up to five pieces."""
    pieces: list[Piece] = []
    for _ in range(source.randint(0, 5 if depth == 0 else 2)):
        kind = source.choice(KINDS[:-3] if depth > 1 else KINDS)
        branches = []
        if kind == "parallel":
            branches = [random_program(source, depth + 1) for _ in range(source.randint(1, 3))]
        pieces.append(Piece(kind, source.randint(0, 3), source.random() < 0.4, branches))
    return pieces


async def perform(ctx: Any, pieces: list[Piece], on_body: Callable[[str], None], prefix: str = "k") -> int:
    """Runs a program: every piece leaves its mark in the state and in the result."""
    total = 0
    for index, piece in enumerate(pieces):
        key = f"{prefix}.{index}"
        try:
            total += await PERFORMERS[piece.kind](ctx, piece, key, on_body)
        except errors.StepExecutionError as error:
            ctx.state[f"error{key}"] = str(error)
    return total


def expected_of(pieces: list[Piece], prefix: str = "k") -> tuple[list[str], list[str], int]:
    """What a program must leave in the state, counted without running it: log, marks and total."""
    log: list[str] = []
    marks: list[str] = []
    total = 0
    for index, piece in enumerate(pieces):
        key = f"{prefix}.{index}"
        if piece.kind == "state_step":
            log.append(key)
        if piece.kind == "replace":
            total += 1
        if piece.kind == "add":
            marks.append(key)
            total += piece.number
        for at, branch in enumerate(piece.branches):
            inner_log, inner_marks, inner_total = expected_of(branch, f"{key}/{at}")
            log += inner_log
            marks += inner_marks
            total += inner_total
    return sorted(log), sorted(marks), total


async def turns(count: int) -> None:
    """Lets the event loop turn."""
    for _ in range(count):
        await asyncio.sleep(0)


async def _step(ctx: Any, piece: Piece, key: str, on_body: Callable[[str], None]) -> int:
    calls = 0

    async def body() -> Any:
        nonlocal calls
        on_body(key)
        await turns(piece.number)
        calls += 1
        if calls <= (2 if piece.flag else 0):
            raise ValueError(f"failure of {key}")
        return {"key": key, "one": 1.0}

    result = await ctx.step.run(key, body, max_retries=1, base_delay=0)
    return int(result["one"])


async def _state_step(ctx: Any, piece: Piece, key: str, on_body: Callable[[str], None]) -> int:
    async def body() -> None:
        on_body(key)
        ctx.state["log"].append(key)
        await turns(piece.number)
        ctx.state["own"][key] = {"deep": [key]}

    await ctx.step.run(key, body)
    return 0


async def _thread(ctx: Any, piece: Piece, key: str, on_body: Callable[[str], None]) -> int:
    def body() -> int:
        on_body(key)
        ctx.state["own"][key] = piece.number
        return piece.number

    number: int = await ctx.step.run(key, body)
    return number


async def _value(ctx: Any, piece: Piece, key: str, on_body: Callable[[str], None]) -> int:
    values = await asyncio.gather(ctx.step.uuid(f"{key}u"), ctx.step.now(f"{key}n"), ctx.step.random(f"{key}r"))
    ctx.state["kinds"][key] = [type(value).__name__ for value in values]
    return 0


async def _child(ctx: Any, piece: Piece, key: str, on_body: Callable[[str], None]) -> int:
    result: int = await ctx.step.invoke_and_wait(key, "child", piece.flag)
    return result


async def _batch(ctx: Any, piece: Piece, key: str, on_body: Callable[[str], None]) -> int:
    items = [BatchWorkflowInput("child", number) for number in range(piece.number)]
    results = await ctx.step.batch_invoke_and_wait(key, items)
    return sum(each.result if each.success else 100 for each in results)


async def _fire(ctx: Any, piece: Piece, key: str, on_body: Callable[[str], None]) -> int:
    ctx.state["kinds"][key] = type((await ctx.step.invoke(key, "child", 1)).execution_id).__name__
    return 0


async def _fire_batch(ctx: Any, piece: Piece, key: str, on_body: Callable[[str], None]) -> int:
    items = [BatchWorkflowInput(f"child{number}", number) for number in range(piece.number)]
    handles = await ctx.step.batch_invoke(key, items)
    ctx.state["kinds"][key] = [handle.workflow_id for handle in handles]
    return 0


async def _resume(ctx: Any, piece: Piece, key: str, on_body: Callable[[str], None]) -> int:
    await ctx.step.resume(key, "lost" if piece.flag else "there", "other", data=key)
    return 7


async def _wait(ctx: Any, piece: Piece, key: str, on_body: Callable[[str], None]) -> int:
    await ctx.step.wait_for(key, seconds=1)
    return 0


async def _suspend(ctx: Any, piece: Piece, key: str, on_body: Callable[[str], None]) -> int:
    number: int = await ctx.step.suspend(key, timeout=1 if piece.flag else None)
    return number


async def _race(ctx: Any, piece: Piece, key: str, on_body: Callable[[str], None]) -> int:
    waiting = asyncio.create_task(ctx.step.wait_for(f"{key}w", seconds=1), name="wait")
    running = asyncio.create_task(ctx.step.run(f"{key}s", turns, piece.number), name="step")
    done, _ = await asyncio.wait([waiting, running], return_when=asyncio.FIRST_COMPLETED)
    winner = min(task.get_name() for task in done)
    # Another winner on replay would ask for another step than the record holds.
    await ctx.step.run(f"{key}{winner}", on_body, f"{key}{winner}")
    return 0


async def _queue(ctx: Any, piece: Piece, key: str, on_body: Callable[[str], None]) -> int:
    """Two tasks that talk over a queue and share a lock: what comes first is decided by the order of outcomes."""
    queue: asyncio.Queue[int] = asyncio.Queue(1)
    lock = asyncio.Lock()

    async def produce() -> None:
        for number in range(piece.number):
            async with lock:
                await queue.put(await ctx.step.run(f"{key}p{number}", turns, number) or number)
        await queue.put(-1)

    async def consume() -> int:
        total = 0
        while (number := await queue.get()) >= 0:
            total += number
            if piece.flag:
                async with lock:
                    await ctx.step.run(f"{key}c{number}", turns, number)
        return total

    _, total = await asyncio.gather(produce(), consume())
    return total


async def _add(ctx: Any, piece: Piece, key: str, on_body: Callable[[str], None]) -> int:
    ctx.state["total"] += piece.number
    ctx.state["marks"].append(key)
    return 0


async def _replace(ctx: Any, piece: Piece, key: str, on_body: Callable[[str], None]) -> int:
    if isinstance(ctx.state, ProgramState):
        ctx.state = ctx.state.model_copy(update={"total": ctx.state.total + 1}, deep=True)
    else:
        ctx.state = {**ctx.state, "total": ctx.state["total"] + 1}
    return 0


async def _parallel(ctx: Any, piece: Piece, key: str, on_body: Callable[[str], None]) -> int:
    branches = [perform(ctx, branch, on_body, f"{key}/{at}") for at, branch in enumerate(piece.branches)]
    return sum(await asyncio.gather(*branches))


PERFORMERS: dict[str, Any] = {
    "step": _step,
    "state_step": _state_step,
    "value": _value,
    "child": _child,
    "batch": _batch,
    "fire": _fire,
    "fire_batch": _fire_batch,
    "resume": _resume,
    "wait": _wait,
    "suspend": _suspend,
    "race": _race,
    "add": _add,
    "replace": _replace,
    "parallel": _parallel,
    "thread": _thread,
    "queue": _queue,
}
