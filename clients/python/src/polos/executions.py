"""What is asked of executions."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from ._gen.polos.v1 import workflow_service_pb2 as pb
from ._gen.polos.v1.execution_pb2 import Execution
from .api_errors import ResultConflictError
from .event_stream import read_event_stream
from .execution import ExecutionInfo, to_execution_info
from .execution_event import ExecutionEvent, to_execution_event
from .execution_status import is_final
from .methods import (
    AWAIT_RESULT,
    CANCEL_EXECUTION,
    GET_EXECUTION,
    PAUSE_EXECUTION,
    RESUME_EXECUTION,
    UNPAUSE_EXECUTION,
)
from .payload import to_payload
from .time import to_duration
from .transport import Transport

_AWAIT_SECONDS = 30.0
"""How long one request for a result waits at the server."""


async def read_execution(transport: Transport, execution_id: str) -> ExecutionInfo:
    """Reads one execution. Raises NotFoundError."""
    request = pb.GetExecutionRequest(execution_id=execution_id)
    return to_execution_info((await transport.call(GET_EXECUTION, request, repeatable=True)).execution)


async def await_final(transport: Transport, execution_id: str, timeout: float) -> Execution | None:
    """Waits until an execution is final. Returns None if it is not after `timeout` seconds.

    Raises NotFoundError, UnavailableError.
    """
    end = time.monotonic() + timeout
    while (left := end - time.monotonic()) > 0:
        wait = min(left, _AWAIT_SECONDS)
        request = pb.AwaitResultRequest(execution_id=execution_id, wait=to_duration(wait))
        answer = await transport.call(AWAIT_RESULT, request, repeatable=True, timeout=left + 5, try_timeout=wait + 10)
        if is_final(answer.execution.status):
            return answer.execution
    return None


async def request_cancel(transport: Transport, execution_id: str) -> None:
    """Asks that an execution and all that descends from it end. Raises NotFoundError, ExecutionClosedError."""
    request = pb.CancelExecutionRequest(execution_id=execution_id)
    await transport.call(CANCEL_EXECUTION, request, repeatable=True)


async def request_pause(transport: Transport, execution_id: str) -> None:
    """Holds an execution back from workers. Raises NotFoundError, ExecutionClosedError."""
    request = pb.PauseExecutionRequest(execution_id=execution_id)
    await transport.call(PAUSE_EXECUTION, request, repeatable=True)


async def request_unpause(transport: Transport, execution_id: str) -> None:
    """Ends a pause. Raises NotFoundError, ExecutionClosedError."""
    request = pb.UnpauseExecutionRequest(execution_id=execution_id)
    await transport.call(UNPAUSE_EXECUTION, request, repeatable=True)


async def request_resume(transport: Transport, execution_id: str, step_key: str, data: Any) -> None:
    """Resumes a step that waits for it, or will.

    Raises NotFoundError; ExecutionClosedError; ResultConflictError; LimitExceededError; SerializationError,
    PayloadSizeError for the data.
    """
    payload = to_payload(data, what="the data")
    request = pb.ResumeExecutionRequest(execution_id=execution_id, step_key=step_key, data=payload)
    try:
        await transport.call(RESUME_EXECUTION, request, repeatable=True)
    except ResultConflictError as error:
        # A worker's conflict may be over after a replay; what a step was resumed with stays.
        raise ResultConflictError(str(error), step_key=step_key, retryable=False) from None


async def read_events(
    transport: Transport, execution_id: str, *, descendants: bool = False, after: int = 0, follow: bool = True
) -> AsyncGenerator[ExecutionEvent, None]:
    """Reads an execution's events in order, or those of a tree of executions, none twice and none missing.

    Raises NotFoundError; UnavailableError once the server stays away.
    """
    source = "root_execution_id" if descendants else "execution_id"
    stream = read_event_stream(transport, source, execution_id, after=after, follow=follow)  # type: ignore[arg-type]
    async with aclosing(stream) as events:
        async for event, place in events:
            yield to_execution_event(event, place)
