"""The durable steps of a workflow."""

from __future__ import annotations

import functools
import random
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import copy_context
from datetime import datetime
from typing import Any, Protocol, TypeVar, overload

from pydantic import BaseModel

from ._gen.polos.v1 import step_pb2 as step
from .batch import BatchStepResult, BatchWorkflowInput
from .batch_command import batch_command, read_batch_handles, read_batch_results, read_items
from .child_command import ChildOptions, child_command, workflow_id_of
from .event_command import publish_event_command, wait_for_event_command
from .event_payload import EventPayload, to_event_payload
from .payload import from_payload
from .publish_command import publish_command
from .queue import Queue
from .result_schema import result_schema
from .resume_command import resume_command
from .run_arguments import assert_function, assert_retries, assert_seconds
from .state.state_document import StateDocument
from .step import ChildHandle
from .step_request import RunWork, ServerWork, StepOutcome, ValueWork, Work
from .threads import is_async
from .wait_command import suspend_command, wait_for_command, wait_until_command
from .workflow import Workflow
from .workflow_target import WorkflowTarget
from .workflow_values import read_as

T = TypeVar("T")
ResultT = TypeVar("ResultT")


class AskStep(Protocol):
    """Asks the runtime for a step; returns its outcome once it is delivered."""

    async def __call__(self, kind: int, key: str, work: Work) -> Any: ...


class Steps:
    """The durable steps of a workflow, `ctx.step`. Each has a key of 1 to 1,024 bytes, unique within the execution, under
    which its outcome is recorded; a replay answers from the record. Steps may run at the same time (`asyncio.gather`,
    `asyncio.create_task`, `asyncio.wait`). Durations are in seconds.

    Every method may raise DuplicateStepKeyError, InvalidStepError (inside the function of another step) and, once the
    execution is cancelled, WorkflowCancelledError.
    """

    def __init__(self, ask: AskStep, document: StateDocument, clock: Callable[[], float] = time.time) -> None:
        """For the SDK. `clock`: in seconds since 1970."""
        self._ask = ask
        self._document = document
        self._clock = clock

    @overload
    async def run(
        self,
        step_key: str,
        func: Callable[..., Awaitable[T]],
        /,
        *args: Any,
        max_retries: int = 2,
        base_delay: float = 1.0,
        max_delay: float = 10.0,
        timeout: float | None = None,
        heartbeat_timeout: float | None = None,
        non_retryable: Sequence[str | type[BaseException]] = (),
        **kwargs: Any,
    ) -> T: ...
    @overload
    async def run(
        self,
        step_key: str,
        func: Callable[..., T],
        /,
        *args: Any,
        max_retries: int = 2,
        base_delay: float = 1.0,
        max_delay: float = 10.0,
        timeout: float | None = None,
        heartbeat_timeout: float | None = None,
        non_retryable: Sequence[str | type[BaseException]] = (),
        **kwargs: Any,
    ) -> T: ...
    async def run(
        self,
        step_key: str,
        func: Callable[..., Any],
        /,
        *args: Any,
        max_retries: int = 2,
        base_delay: float = 1.0,
        max_delay: float = 10.0,
        timeout: float | None = None,
        heartbeat_timeout: float | None = None,
        non_retryable: Sequence[str | type[BaseException]] = (),
        **kwargs: Any,
    ) -> Any:
        """Runs `func(*args, **kwargs)` here, in this worker, and records its result, so that it never runs again once it has
        succeeded. A function that is not `async` runs in a thread.

        The result must be something that JSON can hold: plain data, pydantic models, dataclasses. The code gets its JSON
        round trip, read as what the function is annotated to return (a model, a datetime, a set); without an annotation,
        plain data.

        - `max_retries`: further attempts after the first that failed, 0 to 1,000.
        - `base_delay`: before the first retry, doubled for each further one and spread by ±25 %.
        - `max_delay`: the longest of those delays.
        - `timeout`: how long one attempt may take; then it counts as failed with a StepTimeoutError, and an async function is
          cancelled. What a function does after that is not recorded. None: without limit.
        - `heartbeat_timeout`: how long an attempt may go without calling `step_attempt().heartbeat()`; then it fails as with
          `timeout`. For long functions, to notice early that one hangs. None: without limit.
        - `non_retryable`: errors that no retry can help: classes, or names of types. SDK errors with `retryable = False` are
          so already.

        Use a lambda or `functools.partial` for a function that has a parameter of one of these names. A function that changes
        the state names it as `ctx.state`, which is its copy; methods of the state's own objects are refused.

        Raises StepExecutionError once the last attempt has failed; the same live and on replay. InvalidStepError for
        arguments that are none.
        """
        assert_function(step_key, func, self._document)
        assert_retries(max_retries)
        for name, seconds in (("base_delay", base_delay), ("max_delay", max_delay)):
            assert_seconds(name, seconds)
        for name, limit in (("timeout", timeout), ("heartbeat_timeout", heartbeat_timeout)):
            if limit is not None:
                assert_seconds(name, limit)
        schema = result_schema(func)
        work = RunWork(
            call=functools.partial(func, *args, **kwargs),
            is_async=is_async(func),
            context=copy_context(),
            read=lambda outcome: read_as(schema, outcome.result, f'the result of step "{step_key}"'),
            schema=schema,
            max_retries=max_retries,
            base_delay=base_delay,
            max_delay=max_delay,
            timeout=timeout,
            heartbeat_timeout=heartbeat_timeout,
            non_retryable=tuple(non_retryable),
        )
        return await self._ask(step.STEP_KIND_RUN, step_key, work)

    @overload
    async def invoke_and_wait(
        self,
        step_key: str,
        workflow: Workflow[Any, Any, ResultT],
        payload: Any = None,
        initial_state: BaseModel | Mapping[str, Any] | None = None,
        queue: str | Queue | None = None,
        concurrency_key: str | None = None,
        run_timeout_seconds: float | None = None,
        priority: int | None = None,
    ) -> ResultT: ...
    @overload
    async def invoke_and_wait(
        self,
        step_key: str,
        workflow: str,
        payload: Any = None,
        initial_state: BaseModel | Mapping[str, Any] | None = None,
        queue: str | Queue | None = None,
        concurrency_key: str | None = None,
        run_timeout_seconds: float | None = None,
        priority: int | None = None,
    ) -> Any: ...
    async def invoke_and_wait(
        self,
        step_key: str,
        workflow: WorkflowTarget,
        payload: Any = None,
        initial_state: BaseModel | Mapping[str, Any] | None = None,
        queue: str | Queue | None = None,
        concurrency_key: str | None = None,
        run_timeout_seconds: float | None = None,
        priority: int | None = None,
    ) -> Any:
        """Starts a child execution, exactly once, and waits for its result. While it waits, this execution holds no worker.

        - `workflow`: a workflow, or the id of one in any language.
        - `payload`: what the child receives: a model or plain data.
        - `initial_state`: the child's state to start with; its model's defaults fill in the rest.
        - `queue`: None for the workflow's own.
        - `concurrency_key`: the key under which the queue's concurrency is limited.
        - `run_timeout_seconds`: how long it may run in all, waiting not counted. None: the workflow's own limit.
        - `priority`: larger goes first, -100 to 100. None: 0.

        Raises StepExecutionError if the child fails, is cancelled or times out; `cause` says what it raised.
        StateValidationError, PayloadValidationError, SerializationError for what the child cannot be given;
        ResultValidationError if it returns what the workflow given here does not.
        """
        schema = None if not isinstance(workflow, Workflow) else workflow.config.output_schema
        options = ChildOptions(initial_state, queue, concurrency_key, run_timeout_seconds, priority)
        workflow_id_of(workflow)
        work = ServerWork(
            lambda: child_command(step_key, workflow, payload, options, wait=True),
            lambda outcome: read_as(schema, outcome.result, f'the result of step "{step_key}"'),
        )
        return await self._ask(step.STEP_KIND_INVOKE_AND_WAIT, step_key, work)

    async def invoke(
        self,
        step_key: str,
        workflow: WorkflowTarget,
        payload: Any = None,
        initial_state: BaseModel | Mapping[str, Any] | None = None,
        queue: str | Queue | None = None,
        concurrency_key: str | None = None,
        run_timeout_seconds: float | None = None,
        priority: int | None = None,
    ) -> ChildHandle:
        """Starts a child execution, exactly once, and goes on without waiting for it. The arguments are those of
        `invoke_and_wait`."""
        options = ChildOptions(initial_state, queue, concurrency_key, run_timeout_seconds, priority)
        workflow_id = workflow_id_of(workflow)
        work = ServerWork(
            lambda: child_command(step_key, workflow, payload, options, wait=False),
            lambda outcome: ChildHandle(outcome.child_execution_id, workflow_id),
        )
        handle: ChildHandle = await self._ask(step.STEP_KIND_INVOKE, step_key, work)
        return handle

    async def batch_invoke_and_wait(
        self, step_key: str, workflows: Sequence[BatchWorkflowInput[ResultT]]
    ) -> list[BatchStepResult[ResultT]]:
        """Starts children, each exactly once, and waits until all of them are final. While it waits, this execution holds no
        worker; it is woken once. Their results come in the order of the items; a child that fails, is cancelled or times out
        is one of them, and fails nothing else. No items are no step: `[]`.

        At most 10,000 items, of 3,080,192 bytes together.

        Raises BatchSizeError if the results take more than 2,097,152 bytes together; InvalidStepError, PayloadSizeError for
        too many or too large items; StateValidationError, PayloadValidationError, SerializationError for what a child cannot
        be given, with the item's place. Nothing is started then.
        """
        items = read_items(step_key, workflows)
        if not items:
            return []
        work = ServerWork(
            lambda: batch_command(step_key, items, wait=True), lambda outcome: read_batch_results(outcome, items)
        )
        results: list[BatchStepResult[ResultT]] = await self._ask(step.STEP_KIND_BATCH_INVOKE_AND_WAIT, step_key, work)
        return results

    async def batch_invoke(self, step_key: str, workflows: Sequence[BatchWorkflowInput[Any]]) -> list[ChildHandle]:
        """Starts children, each exactly once, and goes on without waiting for them. Otherwise like `batch_invoke_and_wait`.
        Returns handles in the order of the items."""
        items = read_items(step_key, workflows)
        if not items:
            return []
        work = ServerWork(
            lambda: batch_command(step_key, items, wait=False), lambda outcome: read_batch_handles(outcome, items)
        )
        handles: list[ChildHandle] = await self._ask(step.STEP_KIND_BATCH_INVOKE, step_key, work)
        return handles

    async def wait_for(
        self,
        step_key: str,
        *,
        seconds: float = 0,
        minutes: float = 0,
        hours: float = 0,
        days: float = 0,
        weeks: float = 0,
    ) -> None:
        """Waits for a length of time, the sum of the units, which begins with the commit of the step. The wait survives
        crashes, restarts and deploys, and ends at its time or a little later, never earlier, by the server's clock. While
        nothing else is under way, this execution holds no worker.

        Once the step is recorded it keeps the time that it began with: a replay with another duration changes nothing.

        Raises InvalidStepError unless the duration is above 0 and at most 3,660 days; nothing is recorded then.
        """
        duration = {"seconds": seconds, "minutes": minutes, "hours": hours, "days": days, "weeks": weeks}
        await self._ask(step.STEP_KIND_WAIT_FOR, step_key, ServerWork(lambda: wait_for_command(step_key, duration)))

    async def wait_until(self, step_key: str, date: datetime) -> None:
        """Waits for a point in time; without a time zone it is in UTC. Otherwise like `wait_for`.

        Raises InvalidStepError for no datetime, one more than 3,660 days away, or one that is in the past by the worker's
        clock; nothing is recorded then. A step that is recorded is not checked again: a replay comes after its time.
        """
        work = ServerWork(lambda: wait_until_command(step_key, date, self._clock()))
        await self._ask(step.STEP_KIND_WAIT_FOR, step_key, work)

    async def suspend(self, step_key: str, data: Any = None, timeout: float | None = None) -> Any:
        """Waits until somebody resumes this step (`client.resume`, `polos execution resume`, ResumeExecution), and returns the
        data that they gave: None if none. A resume that came before the wait is not lost; the step is resumed once. While
        nothing else is under way, this execution holds no worker.

        - `data`: what whoever resumes it should see: it is in the data of the event `step_suspend`.
        - `timeout`: how long to wait, at most 3,660 days; then the step fails. None: for as long as it takes.

        The public Polos SDK returns an event whose `data` holds what was given; here it is that value itself.

        Raises WaitTimeoutError once `timeout` has passed without a resume; the same live and on replay. InvalidStepError for a
        timeout that is none; SerializationError, PayloadSizeError for `data`.
        """
        work = ServerWork(lambda: suspend_command(step_key, data, timeout))
        return await self._ask(step.STEP_KIND_SUSPEND, step_key, work)

    async def resume(
        self,
        step_key: str,
        suspend_step_key: str,
        suspend_execution_id: str,
        suspend_workflow_id: str | None = None,
        data: Any = None,
    ) -> None:
        """Resumes a `step.suspend` of another execution, exactly once, and returns when that execution has the data. A step
        that does not wait yet is resumed as soon as it does.

        `suspend_workflow_id` is there because the public Polos SDK asks for it. The execution's id says it all.

        Raises StepExecutionError if it cannot be resumed, the same live and on replay; `cause.type` is what `client.resume`
        raises: "NotFoundError"; "ExecutionClosedError" if the execution is final; "ResultConflictError" if the step has another
        outcome already or is no `suspend`; "LimitExceededError" if too much waits for steps to come. InvalidStepError for what
        names nothing; SerializationError, PayloadSizeError for `data`.
        """
        work = ServerWork(lambda: resume_command(step_key, suspend_execution_id, suspend_step_key, data))
        await self._ask(step.STEP_KIND_RESUME, step_key, work)

    async def wait_for_event(
        self, step_key: str, topic: str, timeout: float | None = None, after: int | None = None
    ) -> EventPayload:
        """Waits for the next event of a topic, whoever publishes it (`ctx.step.publish_event`, `client.events.publish`, `polos
        event publish`, PublishEvents). One that was published before the wait, and since the execution was created, is not
        lost; a loop gets each event once, in order. Steps that wait at the same time for one topic get the same event. While
        nothing else is under way, this execution holds no worker.

        - `topic`: 1 to 512 bytes, no control characters.
        - `timeout`: how long to wait, at most 3,660 days; then the step fails. None: for as long as it takes.
        - `after`: the sequence of an event of the topic: only events after it count; 0 begins with the first that is kept.
          None: after the newest that this execution was given; the first time, those published since it was created.

        Raises WaitTimeoutError once `timeout` has passed without an event; the same live and on replay. InvalidStepError for
        arguments that are none.
        """
        work = ServerWork(lambda: wait_for_event_command(step_key, topic, timeout, after), _read_event)
        event: EventPayload = await self._ask(step.STEP_KIND_WAIT_FOR_EVENT, step_key, work)
        return event

    async def publish_event(self, step_key: str, topic: str, data: Any = None, event_type: str | None = None) -> None:
        """Publishes an event to a topic, exactly once, however often the worker dies. It is there a moment after the commit of
        the step.

        - `topic`: needs no creation: 1 to 512 bytes, no control characters.
        - `event_type`: what sort of event it is, 1 to 200 bytes. None: "event".

        Raises InvalidStepError for a topic or a type that is none; SerializationError, PayloadSizeError for `data`.
        """
        work = ServerWork(lambda: publish_event_command(step_key, topic, data, event_type))
        await self._ask(step.STEP_KIND_PUBLISH_EVENT, step_key, work)

    async def publish_workflow_event(self, step_key: str, data: Any = None, event_type: str | None = None) -> None:
        """Publishes an event among the execution's own, exactly once, however often the worker dies: whoever follows the
        execution (`handle.events()`, StreamEvents) gets it in its place between the others. Its `topic` is
        `workflow/WORKFLOW/EXECUTION`, which tells it from the server's own events.

        Raises InvalidStepError for a type that is none; SerializationError, PayloadSizeError for `data`.
        """
        work = ServerWork(lambda: publish_command(step_key, data, event_type))
        await self._ask(step.STEP_KIND_PUBLISH_EVENT, step_key, work)

    async def uuid(self, step_key: str) -> str:
        """A random UUID, the same on every replay."""
        value: str = await self._ask(step.STEP_KIND_UUID, step_key, ValueWork(lambda: str(uuid.uuid4())))
        return value

    async def now(self, step_key: str) -> int:
        """The time in milliseconds since 1970, the same on every replay."""
        value: int = await self._ask(step.STEP_KIND_NOW, step_key, ValueWork(lambda: int(self._clock() * 1_000)))
        return value

    async def random(self, step_key: str) -> float:
        """A random number from 0 up to 1, the same on every replay."""
        return float(await self._ask(step.STEP_KIND_RANDOM, step_key, ValueWork(random.random)))


def _read_event(outcome: StepOutcome) -> EventPayload:
    return to_event_payload(from_payload(outcome.result))
