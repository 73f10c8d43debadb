"""Steps that the code asked for, and what became of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from ._gen.polos.v1 import step_pb2 as step
from ._gen.polos.v1.command_pb2 import Command
from ._gen.polos.v1.failure_pb2 import Failure
from ._gen.polos.v1.payload_pb2 import Payload
from ._gen.polos.v1.step_pb2 import StepAttempt as AttemptRecord
from ._gen.polos.v1.step_pb2 import StepRecord
from .errors import ResultValidationError, StateValidationError
from .failure import FailedStep, to_step_error
from .payload import from_payload, to_payload
from .state.json import JsonObject


@dataclass(frozen=True)
class StepOutcome:
    """What became of a step: from the record, or fresh."""

    key: str
    kind: int
    result: Payload | None = None
    failure: Failure | None = None
    """Set if it failed."""
    attempts: int = 0
    """How often its function was called."""
    state_patch: str = ""
    """What its function changed in the state: a JSON Patch as text, empty for nothing."""
    child_execution_id: str = ""
    is_before_code: bool = False
    """Of a change of the state that no code asked for: see StepRecord.before_code."""
    to_state_version: int = 0
    """Of a migration: the version of the state's form after it."""
    state_base: JsonObject | None = None
    """The state that its function started from; None if it comes from the record."""
    attempt_records: list[AttemptRecord] = field(default_factory=list)
    """The attempts to record; empty if it comes from the record."""
    state_refusal: StateValidationError | None = None
    """Why the state that the function left cannot be saved: the execution fails for good, and the step is not recorded."""


ReadOutcome = Callable[[StepOutcome], Any]
"""Makes what the code gets of the outcome of a step that did not fail: a value of its own each time."""


def read_result(outcome: StepOutcome) -> Any:
    """The result as plain JSON data."""
    return from_payload(outcome.result)


@dataclass(frozen=True)
class RunWork:
    """A step's function with its options filled in. Times in seconds."""

    call: Callable[[], Any]
    """The function with its arguments."""
    is_async: bool
    """Whether it is a coroutine function; others run in a thread."""
    context: Context
    """The context in which the code asked for the step."""
    read: ReadOutcome
    schema: Any
    """The schema of what it is annotated to return, or None."""
    max_retries: int
    base_delay: float
    max_delay: float
    timeout: float | None
    heartbeat_timeout: float | None
    non_retryable: tuple[str | type[BaseException], ...]


@dataclass(frozen=True)
class ValueWork:
    """A value that is recorded as it is made: a UUID, a time, a random number."""

    make: Callable[[], str | int | float]
    read: ReadOutcome = read_result


@dataclass(frozen=True)
class ServerWork:
    """Something that the server carries out."""

    to_command: Callable[[], Command]
    """Makes the command. Raises if what the code asks for cannot be. Not called for a step that is recorded."""
    read: ReadOutcome = read_result


Work = RunWork | ValueWork | ServerWork


class Phase(Enum):
    """How far a request is."""

    WAITING = 1
    """Not begun."""
    BEGUN = 2
    """Its function runs, or the server has it."""
    SETTLED = 3
    """The code has its outcome."""


@dataclass(eq=False)
class StepRequest:
    """A step that the code asked for."""

    key: str
    kind: int
    work: Work
    phase: Phase
    command: Command | None
    """What asks the server to carry it out, if it is not recorded yet."""
    future: asyncio.Future[Any]
    """What the code waits for."""
    is_abandoned: bool = False
    """Whether the code stopped waiting before it had the outcome: a timeout, a task that was cancelled."""


def from_record(record: StepRecord) -> StepOutcome:
    """A recorded step's outcome."""
    return StepOutcome(
        key=record.key,
        kind=record.kind,
        result=record.result if record.HasField("result") else None,
        failure=record.failure if record.status == step.STEP_STATUS_FAILED else None,
        attempts=len(record.attempts),
        state_patch=record.state_patch,
        child_execution_id=record.child_execution_id,
        is_before_code=record.before_code,
        to_state_version=record.to_state_version,
    )


def settle(request: StepRequest, outcome: StepOutcome) -> None:
    """Gives the code what it waits for. Live and on replay the same: a fresh value from the recorded text, or an error.

    Raises NonDeterminismError for a record that is not of what the code asked for.
    """
    request.phase = Phase.SETTLED
    if outcome.failure is not None:
        reject(request, to_step_error(FailedStep(request.key, request.kind), outcome.attempts, outcome.failure))
        return
    try:
        value = request.work.read(outcome)
    except ResultValidationError as error:
        reject(request, error)
        return
    # The code may have stopped waiting.
    if not request.future.done():
        request.future.set_result(value)


def reject(request: StepRequest, error: Exception) -> None:
    """Gives the code an error, if it still waits."""
    if not request.future.done():
        request.future.set_exception(error)


_ABANDONED = "CancelledError"


def as_abandoned(outcome: StepOutcome) -> StepOutcome:
    """The outcome of a step whose function ran here while the code stopped waiting for it: whatever it was, it is recorded as
    one that the code did not get, so that a replay does not give it either."""
    message = f'the code stopped waiting for step "{outcome.key}"'
    failure = Failure(type=_ABANDONED, message=message, details=to_payload({"abandoned": True}))
    return replace(outcome, result=None, state_patch="", failure=failure)


def was_abandoned(outcome: StepOutcome) -> bool:
    """Whether an outcome is one of `as_abandoned`."""
    failure = outcome.failure
    if outcome.kind != step.STEP_KIND_RUN or failure is None or failure.type != _ABANDONED:
        return False
    return bool(failure.HasField("details") and from_payload(failure.details) == {"abandoned": True})


def is_brought_by_server(kind: int) -> bool:
    """Whether only the server can bring the outcome of a step of this kind: a child ends, a time or an event comes, somebody
    resumes it."""
    return kind in _BROUGHT_KINDS


def is_state_change(kind: int) -> bool:
    """Whether a record of this kind is a change of the state that no code asks for."""
    return kind in (step.STEP_KIND_STATE_REPAIR, step.STEP_KIND_STATE_MIGRATION)


_BROUGHT_KINDS = frozenset(
    (
        step.STEP_KIND_INVOKE_AND_WAIT,
        step.STEP_KIND_BATCH_INVOKE_AND_WAIT,
        step.STEP_KIND_WAIT_FOR,
        step.STEP_KIND_WAIT_FOR_EVENT,
        step.STEP_KIND_SUSPEND,
        step.STEP_KIND_RESUME,
    )
)


def kind_name(kind: int) -> str:
    """How a kind of step is named in messages."""
    return _KIND_NAMES.get(kind, f"kind {kind}")


_KIND_NAMES: dict[int, str] = {
    step.STEP_KIND_RUN: "step.run",
    step.STEP_KIND_INVOKE: "step.invoke",
    step.STEP_KIND_INVOKE_AND_WAIT: "step.invoke_and_wait",
    step.STEP_KIND_UUID: "step.uuid",
    step.STEP_KIND_NOW: "step.now",
    step.STEP_KIND_RANDOM: "step.random",
    step.STEP_KIND_WAIT_FOR: "step.wait_for or step.wait_until",
    step.STEP_KIND_SUSPEND: "step.suspend",
    step.STEP_KIND_RESUME: "step.resume",
    step.STEP_KIND_BATCH_INVOKE: "step.batch_invoke",
    step.STEP_KIND_BATCH_INVOKE_AND_WAIT: "step.batch_invoke_and_wait",
    step.STEP_KIND_WAIT_FOR_EVENT: "step.wait_for_event",
    step.STEP_KIND_STATE_REPAIR: "a repair of the state",
    step.STEP_KIND_STATE_MIGRATION: "a migration of the state",
    step.STEP_KIND_PUBLISH_EVENT: "step.publish_event or step.publish_workflow_event",
}
