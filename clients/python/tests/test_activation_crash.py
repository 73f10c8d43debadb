"""A random program killed at random points ends with the same state and result as an unkilled one."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, Literal

import pytest

from polos._gen.polos.v1 import execution_pb2 as pb
from polos._gen.polos.v1 import step_pb2 as step
from polos._gen.polos.v1.failure_pb2 import Failure
from polos._gen.polos.v1.step_pb2 import StepRecord
from polos.activation import Activation
from polos.activation_options import ActivationOptions
from polos.api_errors import LeaseLostError
from polos.testing.fake_execution import FakeExecution
from polos.workflow import workflow

from .fake_worker import SILENT
from .random_program import Piece, ProgramState, expected_of, perform, random_program

Fate = Literal["before", "after"] | None


def bring(execution: FakeExecution, record: StepRecord) -> None:
    """Ends what a step waits for at the server."""
    key, kind = record.key, record.kind
    child_error = Failure(type="ChildError", message="child")
    if kind == step.STEP_KIND_WAIT_FOR:
        execution.bring(key)
    elif kind == step.STEP_KIND_BATCH_INVOKE_AND_WAIT:
        batch = next(each for each in execution.batches if each.step_key == key)
        index = len(batch.results)
        execution.finish_batch_child(key, index, index, child_error if index % 2 == 1 else None)
    elif kind == step.STEP_KIND_RESUME:
        sent = next(each for each in execution.resumes if each.step_key == key)
        lost = Failure(type="NotFoundError", message="lost")
        execution.bring(key, failure=lost if sent.suspended_step_key == "lost" else None)
    elif kind == step.STEP_KIND_SUSPEND:
        wait = next(each for each in execution.waits if each.step_key == key)
        if wait.timeout is None:
            execution.resume(key, 5)
        else:
            execution.expire(key)
    else:
        child = next(each for each in execution.children if each.step_key == key)
        execution.bring(key, 3, child_error if child.payload is True else None)


async def drive(
    pieces: list[Piece], is_killed: Callable[[], Fate], is_forgotten: Callable[[], bool], **config: Any
) -> tuple[dict[str, Any], Any, str | None]:
    """Drives an execution to its end; `is_killed` says at each commit whether the worker dies before or after it."""
    execution = FakeExecution(None, {"total": 0, "marks": [], "log": [], "own": {}, "kinds": {}})

    def on_body(key: str) -> None:
        if any(each.key == key for each in execution.steps):
            raise RuntimeError(f"the body of {key} ran again")

    async def handler(ctx: Any) -> int:
        return await perform(ctx, pieces, on_body)

    program = workflow(id="random", auto_register=False, **config)(handler)
    kept: Activation | None = None
    for _ in range(200):
        for record in list(execution.steps):
            if record.status == step.STEP_STATUS_PENDING:
                bring(execution, record)
                if is_forgotten():
                    break
        assignment = execution.assign()
        if kept is not None and is_forgotten():
            kept.drop()
            kept = None
        if kept is not None and kept.resume(assignment, assignment.steps, time.monotonic()):
            current = kept
        else:
            current = Activation(ActivationOptions(program, assignment, assignment.steps, execution, SILENT, 1_000))
        fates: list[Fate] = []

        def die(at: Fate, activation: Activation = current, fates: list[Fate] = fates) -> None:
            if fates[-1] == at:
                activation.drop()
                raise LeaseLostError("killed")

        def before(_: Any, die: Callable[[Fate], None] = die, fates: list[Fate] = fates) -> None:
            fates.append(is_killed())
            die("before")

        def after(_: Any, die: Callable[[Fate], None] = die) -> None:
            die("after")
            # Waits end at any time, also while the worker holds the execution.
            pending = [each for each in execution.steps if each.status == step.STEP_STATUS_PENDING]
            if pending and execution.status == pb.EXECUTION_STATUS_RUNNING and is_forgotten():
                bring(execution, pending[0])

        execution.before_commit, execution.after_commit = before, after
        end = await current.run()
        kept = current if end == "suspended" else None
        if execution.status in (pb.EXECUTION_STATUS_COMPLETED, pb.EXECUTION_STATUS_FAILED):
            state = execution.state
            state["log"].sort()
            state["marks"].sort()
            failure = None if execution.failure is None else execution.failure.message
            return state, execution.result_value, failure
    raise AssertionError("it did not come to an end")


@pytest.mark.parametrize("config", [{}, {"state_schema": ProgramState}], ids=["open", "model"])
@pytest.mark.parametrize("seed", range(100))
async def test_a_random_program_ends_the_same_when_it_is_killed_at_random_points(
    seed: int, config: dict[str, Any]
) -> None:
    source = random.Random(seed)
    pieces = random_program(source)
    unkilled = await drive(pieces, lambda: None, lambda: False, **config)
    state, _, failure = unkilled
    assert failure is None
    assert (state["log"], state["marks"], state["total"]) == expected_of(pieces)
    kills = 0

    def is_killed() -> Fate:
        nonlocal kills
        fate: Fate = source.choice((None, None, "before", "after"))
        kills += fate is not None
        return fate if kills <= 50 else None

    assert await drive(pieces, is_killed, lambda: source.random() < 0.5, **config) == unkilled
