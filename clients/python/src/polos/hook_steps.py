"""A workflow's handler between its hooks."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict

from ._gen.polos.v1.execution_pb2 import Execution
from ._gen.polos.v1.failure_pb2 import Failure
from ._gen.polos.v1.payload_pb2 import Payload
from .context import WorkflowContext
from .errors import (
    HookExecutionError,
    InvalidStepError,
    NonDeterminismError,
    StepExecutionError,
    WorkflowCancelledError,
)
from .failure import FinalFailure, to_error, to_failure
from .hook import HookAction, HookContext, HookResult, PlacedHook, place_hooks
from .payload import json_of
from .threads import call_in_thread, is_async
from .workflow import Workflow
from .workflow_values import read_as, read_payload, write_result, write_start_payload

_MAX_RETRIES_DEFAULT = 2
"""How often a handler runs again where its execution has no retry policy, as the protocol says."""

_PASSED_ON = (WorkflowCancelledError, NonDeterminismError, HookExecutionError)
"""What ends an execution without being a hook's failure, and what is one already."""


@dataclass(frozen=True)
class HookSurroundings:
    """What a handler with hooks runs in."""

    workflow: Workflow[Any, Any, Any]
    execution: Execution
    payload_bytes_max: int
    """Bytes of a result."""
    logger: logging.Logger
    is_recorded: Callable[[str], bool]
    """Whether the record holds a step."""


@dataclass(frozen=True)
class _Ending:
    """How an execution ends, as far as is decided."""

    result: Payload | None = None
    failure: Failure | None = None


class HookedHandler:
    """A workflow's handler between its hooks: the program that an activation runs.

    on_end hooks run once the outcome is decided: the handler returned a result that may be committed, or it failed, or an
    on_start hook did, and the server would not run the attempt again. From the first of them on the outcome is in the
    record: a replay in which the handler raises something else ends as it was decided, and a failure is committed as one
    that is not retried.
    """

    def __init__(self, surroundings: HookSurroundings) -> None:
        self._surroundings = surroundings
        self._config = surroundings.workflow.config
        self._on_start = place_hooks(self._config.on_start, "on_start")
        self._on_end = place_hooks(self._config.on_end, "on_end")
        self._failure: Failure | None = None

    @property
    def failure(self) -> Failure | None:
        """Why the execution fails, once that is decided; whatever goes wrong in an on_end hook after it comes second."""
        return self._failure

    async def run(self, ctx: WorkflowContext[Any], payload: Payload | None) -> Payload | None:
        """Runs hooks and handler. Returns the execution's result.

        Raises what the handler raised, if that attempt is retried; FinalFailure once on_end hooks have run.
        """
        current = payload
        try:
            for placed in self._on_start:
                current = await self._start(placed, ctx, current)
            ending = _Ending(result=self._written(await self._call(ctx, current)))
        except (Exception, asyncio.CancelledError) as error:
            if not self._is_decided(error):
                raise
            ending = _failed_with(error)
        if not self._on_end:
            return ending.result
        for placed in self._on_end:
            self._failure = ending.failure
            ending = await self._end(placed, ctx, current, ending)
        self._failure = ending.failure
        if ending.failure is not None:
            raise FinalFailure(ending.failure)
        return ending.result

    async def _call(self, ctx: WorkflowContext[Any], payload: Payload | None) -> Any:
        workflow = self._surroundings.workflow
        arguments = (ctx, read_payload(self._config, payload)) if workflow.takes_payload else (ctx,)
        if workflow.is_async:
            return await workflow.handler(*arguments)
        result = await call_in_thread(lambda: workflow.handler(*arguments))
        return await result if hasattr(result, "__await__") else result

    def _is_decided(self, error: BaseException) -> bool:
        """Whether an attempt that failed is the execution's last, so that its on_end hooks run."""
        if not self._on_end:
            return False
        execution = self._surroundings.execution
        policy = execution.retry_policy
        has_own = execution.HasField("retry_policy") and policy.HasField("max_retries")
        retries = policy.max_retries if has_own else _MAX_RETRIES_DEFAULT
        is_retried = to_failure(error).retryable and execution.failed_attempts < retries
        return not is_retried or self._surroundings.is_recorded(self._on_end[0].key)

    async def _start(self, placed: PlacedHook, ctx: WorkflowContext[Any], payload: Payload | None) -> Payload | None:
        try:
            record = _accepted(placed, await self._ask(placed, ctx, payload, _Ending()))
            if "modifiedPayload" not in record:
                return payload
            modified = Payload(json=json.dumps(record["modifiedPayload"]))
            read_payload(self._config, modified)
            return modified
        except Exception as error:
            raise _to_hook_error(placed, error) from error

    async def _end(
        self, placed: PlacedHook, ctx: WorkflowContext[Any], payload: Payload | None, ending: _Ending
    ) -> _Ending:
        decided = ending
        try:
            record = await self._ask(placed, ctx, payload, ending)
            decided = _as_recorded(placed, record, ending)
            _accepted(placed, record)
            if decided.failure is not None or "modifiedOutput" not in record:
                return decided
            output = Payload(json=json.dumps(record["modifiedOutput"]))
            read_as(self._config.output_schema, output, "the result")
            return _Ending(result=output)
        except Exception as thrown:
            error = _to_hook_error(placed, thrown)
            if not isinstance(error, HookExecutionError):
                raise error from thrown.__cause__
            error.__cause__ = None if error is thrown else thrown
            if decided.failure is None:
                return _failed_with(error)
            execution_id = self._surroundings.execution.id
            message = "execution %s has failed; then this happened too: %s"
            self._surroundings.logger.warning(message, execution_id, error)
            return decided

    async def _ask(
        self, placed: PlacedHook, ctx: WorkflowContext[Any], payload: Payload | None, ending: _Ending
    ) -> dict[str, Any]:
        """Runs a hook as a step. Returns what it decided, and the failure that it was told of."""
        hook, phase, key = placed

        def told() -> HookContext:
            schema = self._config.output_schema
            has_output = phase == "on_end" and ending.failure is None
            return HookContext(
                workflow_id=ctx.workflow_id,
                session_id=ctx.session_id,
                user_id=ctx.user_id,
                current_payload=read_payload(self._config, payload),
                current_output=read_as(schema, ending.result, "the result") if has_output else None,
                current_error=None if ending.failure is None else to_error(ending.failure),
                phase=phase,
            )

        async def call() -> Any:
            return self._to_record(await hook.handler(ctx, told()), placed, ending.failure)

        def call_in_own_thread() -> Any:
            return self._to_record(hook.handler(ctx, told()), placed, ending.failure)

        body: Callable[[], Any] = call if is_async(hook.handler) else call_in_own_thread
        record: dict[str, Any] = await ctx.step.run(key, body, **hook.options)
        return record

    def _to_record(self, answer: Any, placed: PlacedHook, failure: Failure | None) -> dict[str, Any]:
        """What is recorded of what a hook returned: only what counts, so that the rest need not be JSON."""
        told = {} if failure is None else {"currentError": MessageToDict(failure)}
        if answer is None:
            return {"continue": True, **told}
        if not isinstance(answer, HookResult):
            raise InvalidStepError("a hook must return None, or what a method of HookResult returns")
        if answer.action != HookAction.CONTINUE:
            return {"continue": False, "error": answer.error_message or "the hook gave no reason", **told}
        if failure is None and placed.phase == "on_start" and answer.modified_payload is not None:
            return {"continue": True, "modifiedPayload": self._plain_payload(answer.modified_payload)}
        if failure is None and placed.phase == "on_end" and answer.modified_output is not None:
            return {"continue": True, "modifiedOutput": json.loads(json_of(self._written(answer.modified_output)))}
        return {"continue": True, **told}

    def _plain_payload(self, value: Any) -> Any:
        return json.loads(json_of(write_start_payload(self._config, value, "the payload")))

    def _written(self, result: Any) -> Payload | None:
        """Raises ResultValidationError, SerializationError, PayloadSizeError for what cannot be the execution's result."""
        return write_result(self._config, result, self._surroundings.payload_bytes_max)


def _failed_with(error: BaseException) -> _Ending:
    """The server must not run the handler again after its on_end hooks, whatever its retry policy says by then."""
    failure = Failure()
    failure.CopyFrom(to_failure(error))
    failure.retryable = False
    return _Ending(failure=failure)


def _as_recorded(placed: PlacedHook, record: dict[str, Any], ending: _Ending) -> _Ending:
    """What the first run came to counts, because hooks were told of it."""
    if "currentError" in record:
        return _Ending(failure=ParseDict(record["currentError"], Failure(), ignore_unknown_fields=True))
    if ending.failure is None:
        return ending
    difference = f'the record of step "{placed.key}" says that the handler returned, but now it raised'
    raise NonDeterminismError(f"{difference} {ending.failure.type}: {ending.failure.message}", placed.key)


def _accepted(placed: PlacedHook, record: dict[str, Any]) -> dict[str, Any]:
    """Raises HookExecutionError if the hook fails the execution."""
    if record["continue"]:
        return record
    raise HookExecutionError(record.get("error", ""), placed.hook.name, placed.phase)


def _to_hook_error(placed: PlacedHook, error: Exception) -> Exception:
    if isinstance(error, _PASSED_ON):
        return error
    reason = error.cause.message if isinstance(error, StepExecutionError) else str(error)
    message = f'the {placed.phase} hook "{placed.hook.name}" failed: {reason}'
    return HookExecutionError(message, placed.hook.name, placed.phase)
