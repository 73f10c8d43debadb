"""Carrying out a step's function."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace

from ._gen.polos.v1.failure_pb2 import Failure
from ._gen.polos.v1.step_pb2 import StepAttempt as AttemptRecord
from .errors import ResultValidationError, StateValidationError
from .failure import is_retryable, to_attempt_failure, to_failure
from .issue import describe_issues
from .payload import json_of, to_payload
from .retry import retry_delay
from .schema import SchemaMismatch, parse
from .step_attempt import RunningAttempt, StepSurroundings
from .step_request import RunWork, StepOutcome, StepRequest
from .time import to_timestamp


async def run_step(
    request: StepRequest,
    work: RunWork,
    surroundings: StepSurroundings,
    begun: Callable[[RunningAttempt], None],
) -> StepOutcome:
    """Calls a step's function until it succeeds or may not be tried again. The state that a failed attempt changed is thrown
    away with its copy. A result that JSON cannot hold fails the step without another attempt.

    `begun` is told of each attempt. Returns the outcome; never raises.
    """
    records: list[AttemptRecord] = []
    failed = StepOutcome(request.key, request.kind, attempt_records=records)
    attempt = 0
    while True:
        attempt += 1
        start = time.time()
        running = RunningAttempt(request.key, attempt, work, surroundings)
        begun(running)
        value, error = await running.end()
        if error is None:
            try:
                outcome = _succeeded(failed, work, running, value, surroundings.payload_bytes_max)
            except Exception as refused:
                error = refused
            else:
                records.append(_attempt_record(attempt, start))
                return replace(outcome, attempts=attempt)
        records.append(_attempt_record(attempt, start, to_attempt_failure(error)))
        if attempt <= work.max_retries and not request.is_abandoned and _may_retry(error, work):
            delay = retry_delay(work.base_delay, work.max_delay, attempt - 1, random.random())
            waited = await surroundings.pause(delay, surroundings.signal)
            if waited and await surroundings.until_held(surroundings.signal) and not request.is_abandoned:
                continue
        return replace(failed, failure=to_failure(error), attempts=attempt)


def _succeeded(
    outcome: StepOutcome, work: RunWork, running: RunningAttempt, value: object, bytes_max: int
) -> StepOutcome:
    """Raises SerializationError, PayloadSizeError, ResultValidationError for what cannot be recorded."""
    what = f'the result of step "{outcome.key}"'
    result = to_payload(value, what=what, bytes_max=bytes_max, schema=work.schema)
    if work.schema is not None:
        try:
            parse(work.schema, json_of(result))
        except SchemaMismatch as mismatch:
            raise ResultValidationError(describe_issues(what, mismatch.issues), mismatch.issues) from None
    draft = running.used_draft
    if draft is None:
        return replace(outcome, result=result)
    try:
        return replace(outcome, result=result, state_patch=draft.patch(), state_base=draft.base)
    except StateValidationError as refusal:
        return replace(outcome, state_refusal=refusal)


def _may_retry(error: BaseException, work: RunWork) -> bool:
    return is_retryable(error) and not any(_is_of_type(error, each) for each in work.non_retryable)


def _is_of_type(error: BaseException, kind: str | type[BaseException]) -> bool:
    if isinstance(kind, str):
        return any(each.__name__ == kind for each in type(error).__mro__)
    return isinstance(error, kind)


def _attempt_record(number: int, start: float, failure: Failure | None = None) -> AttemptRecord:
    return AttemptRecord(
        number=number, start_time=to_timestamp(start), end_time=to_timestamp(time.time()), failure=failure
    )
