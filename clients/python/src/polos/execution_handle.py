"""Handles of executions."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Generic

from pydantic import TypeAdapter
from typing_extensions import TypeVar

from ._gen.polos.v1 import execution_pb2
from .api_errors import ExecutionClosedError
from .errors import WorkflowCancelledError, WorkflowFailedError, WorkflowTimeoutError
from .execution import ExecutionInfo
from .execution_event import ExecutionEvent
from .execution_state import StateReader
from .execution_status import ExecutionStatus
from .executions import (
    await_final,
    read_events,
    read_execution,
    request_cancel,
    request_pause,
    request_resume,
    request_unpause,
)
from .failure import to_error
from .time import duration_seconds
from .transport import Transport
from .workflow_values import read_as

ResultT = TypeVar("ResultT", default=Any)

RESULT_TIMEOUT_SECONDS = 600.0
"""How long `result` and `run` wait unless they are told."""


class ExecutionHandle(Generic[ResultT]):
    """One execution, by its id. Holds nothing but the id: every method asks the server."""

    def __init__(self, transport: Transport, execution_id: str, output_schema: TypeAdapter[Any] | None = None) -> None:
        """Handles come from `PolosClient` and `Workflow`."""
        self._transport = transport
        self._id = execution_id
        self._output_schema = output_schema

    @property
    def id(self) -> str:
        """The execution's id."""
        return self._id

    @property
    def execution_id(self) -> str:
        """The execution's id."""
        return self._id

    @property
    def state(self) -> StateReader:
        """Its state, at any time, also long after it has ended.

        `await handle.state()`, `await handle.state(revision=3)`, `handle.state.watch()`, `handle.state.revisions()`,
        `await handle.state.diff(2, 5)`; and to repair it: `await handle.state.patch(..)`.
        """
        return StateReader(self._transport, self._get_id)

    async def get_result(self, timeout: float = RESULT_TIMEOUT_SECONDS) -> ResultT:
        """Waits for the result, at most `timeout` seconds. The execution goes on when they are over.

        It is what the workflow's handler is annotated to return, a pydantic model for example, if the handle comes from the
        workflow, else plain JSON data.

        Raises WorkflowFailedError, WorkflowCancelledError if it ended so; WorkflowTimeoutError if it reached its run timeout,
        or is not final in time; ResultValidationError if the result is not what the workflow says here.
        """
        execution = await await_final(self._transport, self._id, timeout)
        if execution is None:
            message = f"execution {self._id} is not final after {timeout:g} s; it goes on"
            raise WorkflowTimeoutError(self._id, message, timeout)
        if execution.status == execution_pb2.EXECUTION_STATUS_COMPLETED:
            result: ResultT = read_as(self._output_schema, execution.result, f"the result of execution {self._id}")
            return result
        if execution.status == execution_pb2.EXECUTION_STATUS_CANCELLED:
            raise WorkflowCancelledError(self._id)
        if execution.status == execution_pb2.EXECUTION_STATUS_TIMED_OUT:
            seconds = duration_seconds(execution.run_timeout) if execution.HasField("run_timeout") else None
            raise WorkflowTimeoutError(self._id, f"execution {self._id} reached its run timeout", seconds)
        failure = execution.failure if execution.HasField("failure") else None
        raise WorkflowFailedError(self._id, execution.workflow_id, to_error(failure))

    async def result(self) -> ResultT:
        """Waits for the result, 600 s at most: `get_result` without an argument."""
        return await self.get_result()

    async def get(self) -> ExecutionInfo:
        """Reads the execution. Raises NotFoundError."""
        return await read_execution(self._transport, self._id)

    async def status(self) -> ExecutionStatus:
        """Reads where it is in its life. Raises NotFoundError."""
        return (await self.get()).status

    async def cancel(self) -> bool:
        """Asks that it and all that descends from it end. May be repeated.

        Returns False if it was final before. Raises NotFoundError.
        """
        try:
            await request_cancel(self._transport, self._id)
        except ExecutionClosedError:
            return False
        return True

    async def pause(self) -> None:
        """Holds it back from workers until `unpause`.

        A worker that holds it loses it at once: a step whose function is running runs again later. What comes meanwhile
        (children, times, events, resumes) is kept. May be repeated.

        Raises NotFoundError; ExecutionClosedError if it is final.
        """
        await request_pause(self._transport, self._id)

    async def unpause(self) -> None:
        """Ends a pause: also that of an execution at which five workers were lost (`status_reason` "workers_lost").

        Finished steps do not run again. One that was paused in the middle of a step goes on when the worker that runs its
        function has ended it, or has lost its lease; until then its `status_reason` is "lease_release". May be repeated.

        Raises NotFoundError; ExecutionClosedError if it is final.
        """
        await request_unpause(self._transport, self._id)

    async def resume(self, step_key: str, data: Any = None) -> None:
        """Ends the wait of a `step.suspend` with its result, plain JSON data or a model; None is no value.

        A step that does not wait yet is resumed as soon as it does. Returns once that is durable; may be repeated with the
        same data.

        Raises NotFoundError; ExecutionClosedError if the execution is final; ResultConflictError if the step has another
        outcome already, its timeout included, or is no `suspend`; LimitExceededError if too much waits for steps to come;
        SerializationError, PayloadSizeError for the data.
        """
        await request_resume(self._transport, self._id, step_key, data)

    def events(
        self, *, descendants: bool = False, after: int = 0, follow: bool = True
    ) -> AsyncGenerator[ExecutionEvent, None]:
        """Reads its events from the first on, and stays for those to come until it is final.

        A break of the connection is bridged: no event is missed or repeated.

        - `descendants`: whether to read the events of all that it started, directly or not, too; for an execution that was
          not started by another. Each execution's events come in their order, a child's after its parent's `child_start` or
          `children_start`.
        - `after`: only events after this place.
        - `follow`: whether to stay for events to come.

        Raises NotFoundError from the iterator; InvalidArgumentError for `descendants` of one that was started by another.
        """
        return read_events(self._transport, self._id, descendants=descendants, after=after, follow=follow)

    def __repr__(self) -> str:
        return f"<ExecutionHandle {self._id}>"

    async def _get_id(self) -> str:
        return self._id
