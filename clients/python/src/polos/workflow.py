"""Workflows: what they are defined with."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, Protocol, overload

from pydantic import BaseModel, TypeAdapter
from typing_extensions import TypeVar, Unpack

from .automatic_starts import ScheduleConfig, assert_trigger, to_schedule_config
from .handler_signature import HandlerSignature, count_parameters, read_signature, to_schema
from .hook import place_hooks
from .migrations import Migration, assert_versions
from .name import is_name
from .queue import Queue, to_queue
from .registry import global_registry

if TYPE_CHECKING:
    from .client import PolosClient
    from .execution_handle import ExecutionHandle
    from .invocation import Invocation
    from .invoke_request import InvokeOptions

PayloadT = TypeVar("PayloadT", default=Any)
StateT = TypeVar("StateT", default=Any)
ResultT = TypeVar("ResultT", default=Any)
GivenStateT = TypeVar("GivenStateT")
ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True)
class WorkflowConfig:
    """What a workflow is. Durations are in seconds."""

    id: str
    """The name that callers use, the same in every process and language. 1 to 200 bytes, no control characters."""
    description: str | None = None
    """What it does, for people and tools. At most 8 KiB."""
    queue: Queue | None = None
    """The queue that its executions wait in unless the caller names one. None: one named as the workflow."""
    payload_schema: TypeAdapter[Any] | None = None
    """What the handler receives: its second parameter's annotation. None: plain JSON data, unchecked."""
    state_schema: type[BaseModel] | None = None
    """The state's model. None: an open JSON object."""
    state_index: tuple[str, ...] = ()
    """Fields of the state by which executions are found (`client.list_executions`): names joined by dots (`order.status`), or,
    for names of other characters than letters, digits, `_`, `$` and `-`, a JSON Pointer (`/order/status`). 16 at most. The
    worker does not start with others: InvalidArgumentError. Found are texts, numbers, booleans and None; no objects and
    arrays, and nothing within arrays. Executions that were committed before a field was declared are found from their next
    commit on."""
    state_version: int = 1
    """The version of the state's form, counted up with each change that older states do not fit. Executions keep the version
    that they began with until a worker with a later one takes them; a worker is given none of a later version than its own.
    1 to 1,000,000."""
    migrate: Mapping[int, Migration] = field(default_factory=dict)
    """By version, what makes a state of that version, a dict of plain JSON data, out of one of the version before: one for each
    from 2 to `state_version`. A pure function of a dict that is its own: it may change and return it, or return another one,
    and may be called more than once. The last one's result is checked by `state_schema`. One that raises, or whose result
    does not fit, has the execution paused with the reason `state_misfit`, its state as it was."""
    output_schema: TypeAdapter[Any] | None = None
    """What the handler returns, and what callers get. None: plain JSON data."""
    max_retries: int | None = None
    """How often a handler that raised runs again, after the first time. None: the server's default, 2."""
    base_delay: float | None = None
    """Delay before the first of those retries, doubled for each further one. None: 1."""
    max_delay: float | None = None
    """The longest of those delays. None: 10."""
    run_timeout_seconds: float | None = None
    """How long an execution may run in all, waiting not counted. None: without limit."""
    on_start: tuple[Any, ...] = ()
    """Hooks before the handler."""
    on_end: tuple[Any, ...] = ()
    """Hooks once the outcome is decided."""
    schedule: ScheduleConfig | None = None
    """Times at which it starts by itself."""
    trigger_on_event: str | None = None
    """The topic whose events start it."""
    batch_size: int | None = None
    """The most events to one execution. None: 1."""
    batch_timeout_seconds: float | None = None
    """How long an event may wait for others to fill the batch. None: 1."""


class Workflow(Generic[PayloadT, StateT, ResultT]):
    """A workflow: what `@workflow` makes of a function. Its types are those of the payload, the state and the result."""

    def __init__(self, handler: Callable[..., Any], given: WorkflowConfig, names: Mapping[str, Any]) -> None:
        """For `@workflow`. `names`: what the handler's annotations may mention besides its globals."""
        self._handler = handler
        self._given = given
        self._names = names
        self._resolved: tuple[WorkflowConfig, HandlerSignature] | None = None
        count_parameters(handler, given.id)
        # Annotations may mention what is defined only later in the module.
        with contextlib.suppress(NameError):
            self._resolve()

    @property
    def id(self) -> str:
        """The name that callers use."""
        return self._given.id

    @property
    def handler(self) -> Callable[..., Any]:
        """The function: `handler(ctx)` or `handler(ctx, payload)`, as `takes_payload` says."""
        return self._handler

    @property
    def config(self) -> WorkflowConfig:
        """What it was defined with.

        Raises NameError for annotations that are still not defined, TypeError for one that pydantic has no schema for.
        """
        return self._resolve()[0]

    @property
    def takes_payload(self) -> bool:
        """Whether the handler has a second parameter."""
        return self._resolve()[1].takes_payload

    @property
    def is_async(self) -> bool:
        """Whether the handler is a coroutine function. Others run in a thread."""
        return self._resolve()[1].is_async

    def __call__(
        self,
        client: PolosClient,
        payload: PayloadT | Mapping[str, Any] | None = None,
        *,
        initial_state: StateT | Mapping[str, Any] | None = None,
        timeout: float | None = None,
        **options: Unpack[InvokeOptions],
    ) -> Invocation[ResultT]:
        """Starts an execution at once, on the running event loop, and can be awaited for the result.

        What it answers is a handle besides, whose id and events can be used right away:
        `result = await my_workflow(client, payload)`, or `execution = my_workflow(client, payload)`.

        - `payload`: what the handler takes, or a dict of it; None is no value.
        - `initial_state`: the state to start with, a model or a dict; defaults fill in the rest.
        - `timeout`: how long the await waits, in seconds. The execution goes on when it is over. Default 600.
        - The others: see `InvokeOptions`.

        Raises PayloadValidationError, StateValidationError if a schema refuses; PayloadSizeError, StateSizeError;
        SerializationError if JSON cannot hold payload or state. From the await: WorkflowFailedError, WorkflowCancelledError,
        WorkflowTimeoutError, and what `invoke` raises.
        """
        return client.begin(self, payload, initial_state, {**options, "timeout": timeout})

    async def run(
        self,
        client: PolosClient,
        payload: PayloadT | Mapping[str, Any] | None = None,
        *,
        initial_state: StateT | Mapping[str, Any] | None = None,
        timeout: float | None = None,
        **options: Unpack[InvokeOptions],
    ) -> ResultT:
        """Starts an execution and waits for its result: a call without the handle."""
        return await client.begin(self, payload, initial_state, {**options, "timeout": timeout})

    async def invoke(
        self,
        client: PolosClient,
        payload: PayloadT | Mapping[str, Any] | None = None,
        *,
        initial_state: StateT | Mapping[str, Any] | None = None,
        **options: Unpack[InvokeOptions],
    ) -> ExecutionHandle[ResultT]:
        """Starts an execution and returns once it is durable.

        Raises StateValidationError, PayloadValidationError if a schema refuses; SerializationError if JSON cannot hold the
        payload; IdempotencyMismatchError; UnavailableError if no server was reached in time. Nothing was started then,
        except after UnavailableError, where it may have been.
        """
        return await client.invoke(self, payload, initial_state=initial_state, **options)

    def __repr__(self) -> str:
        return f"<Workflow {self.id!r}>"

    def _resolve(self) -> tuple[WorkflowConfig, HandlerSignature]:
        if self._resolved is None:
            signature = read_signature(self._handler, self.id, self._names)
            given = self._given
            config = replace(
                given,
                payload_schema=signature.payload_schema,
                output_schema=signature.output_schema if given.output_schema is None else given.output_schema,
            )
            self._resolved = (config, signature)
            self._names = {}
        return self._resolved


class WorkflowDecorator(Protocol[GivenStateT]):
    """What `@workflow(...)` returns: makes a workflow of a function."""

    @overload
    def __call__(
        self, handler: Callable[[Any, PayloadT], Coroutine[Any, Any, ResultT]], /
    ) -> Workflow[PayloadT, GivenStateT, ResultT]: ...
    @overload
    def __call__(
        self, handler: Callable[[Any], Coroutine[Any, Any, ResultT]], /
    ) -> Workflow[None, GivenStateT, ResultT]: ...
    @overload
    def __call__(self, handler: Callable[[Any, PayloadT], ResultT], /) -> Workflow[PayloadT, GivenStateT, ResultT]: ...
    @overload
    def __call__(self, handler: Callable[[Any], ResultT], /) -> Workflow[None, GivenStateT, ResultT]: ...


@overload
def workflow(
    handler: Callable[[Any, PayloadT], Coroutine[Any, Any, ResultT]], /
) -> Workflow[PayloadT, Any, ResultT]: ...
@overload
def workflow(handler: Callable[[Any], Coroutine[Any, Any, ResultT]], /) -> Workflow[None, Any, ResultT]: ...
@overload
def workflow(handler: Callable[[Any, PayloadT], ResultT], /) -> Workflow[PayloadT, Any, ResultT]: ...
@overload
def workflow(handler: Callable[[Any], ResultT], /) -> Workflow[None, Any, ResultT]: ...
@overload
def workflow(
    *,
    state_schema: type[ModelT],
    id: str | None = None,
    description: str | None = None,
    queue: str | Queue | Mapping[str, Any] | None = None,
    state_index: Sequence[str] = (),
    state_version: int = 1,
    migrate: Mapping[int, Migration] | None = None,
    output_schema: Any = None,
    max_retries: int | None = None,
    base_delay: float | None = None,
    max_delay: float | None = None,
    run_timeout_seconds: float | None = None,
    on_start: Any = None,
    on_end: Any = None,
    schedule: str | ScheduleConfig | Mapping[str, Any] | bool | None = None,
    trigger_on_event: str | None = None,
    batch_size: int | None = None,
    batch_timeout_seconds: float | None = None,
    auto_register: bool = True,
) -> WorkflowDecorator[ModelT]: ...
@overload
def workflow(
    *,
    id: str | None = None,
    description: str | None = None,
    queue: str | Queue | Mapping[str, Any] | None = None,
    state_index: Sequence[str] = (),
    state_version: int = 1,
    migrate: Mapping[int, Migration] | None = None,
    output_schema: Any = None,
    max_retries: int | None = None,
    base_delay: float | None = None,
    max_delay: float | None = None,
    run_timeout_seconds: float | None = None,
    on_start: Any = None,
    on_end: Any = None,
    schedule: str | ScheduleConfig | Mapping[str, Any] | bool | None = None,
    trigger_on_event: str | None = None,
    batch_size: int | None = None,
    batch_timeout_seconds: float | None = None,
    auto_register: bool = True,
) -> WorkflowDecorator[dict[str, Any]]: ...
def workflow(handler: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Makes a workflow of a function: `@workflow`, or `@workflow(...)` with any of these.

    The function takes a context and, if it likes, a payload, whose annotation is its schema: a pydantic model, a dataclass,
    a TypedDict, `dict` or whatever else pydantic knows. What it is annotated to return is the schema of its result. It runs
    again from the start after a crash or a wait, and steps that are recorded answer from the record; all that is not
    deterministic (I/O, time, randomness) belongs into steps. A function that is not `async` runs in a thread, and can use
    no steps.

    - `id`: the name that callers use. Default: the function's name.
    - `state_schema`: a `WorkflowState`, or another pydantic model. Default: `ctx.state` is an open JSON object, a dict.
    - `output_schema`: a type for the result instead of the annotation.
    - `on_start`, `on_end`: a hook or a list of hooks.
    - `schedule`: a cron expression in UTC, a `ScheduleConfig`, or a dict of its fields. True and False declare nothing.
    - `auto_register`: whether `Polos` serves it without being told. Default True.
    - The others: see `WorkflowConfig`.

    Raises TypeError, ValueError for what no server takes: an id that is empty, over 200 bytes or has control characters; a
    handler with other parameters; what is no queue, hook, schedule, topic, version or migration.
    """
    frame = sys._getframe(1)
    is_module = frame.f_locals is frame.f_globals
    names = {} if is_module else dict(frame.f_locals)
    del frame

    def define(function: Callable[..., Any]) -> Workflow[Any, Any, Any]:
        return _define(function, names, **options)

    return define if handler is None else define(handler)


def _define(
    handler: Callable[..., Any],
    names: Mapping[str, Any],
    *,
    id: str | None = None,
    queue: str | Queue | Mapping[str, Any] | None = None,
    state_schema: type[BaseModel] | None = None,
    state_index: Sequence[str] = (),
    state_version: int = 1,
    migrate: Mapping[int, Migration] | None = None,
    output_schema: Any = None,
    on_start: Any = None,
    on_end: Any = None,
    schedule: Any = None,
    auto_register: bool = True,
    **others: Any,
) -> Workflow[Any, Any, Any]:
    if not callable(handler):
        raise TypeError(f"a workflow is made of a function, not of {handler!r}")
    workflow_id = getattr(handler, "__name__", None) if id is None else id
    if not is_name(workflow_id, 200):
        raise TypeError("a workflow needs an id of 1 to 200 bytes without control characters")
    if state_schema is not None and not (isinstance(state_schema, type) and issubclass(state_schema, BaseModel)):
        raise TypeError(
            f'the state_schema of "{workflow_id}" should be a pydantic model, for example a class that inherits from '
            f"WorkflowState, not {state_schema!r:.80}"
        )
    if isinstance(state_index, str):
        raise TypeError(f'the state_index of "{workflow_id}" should be a list of paths')
    config = WorkflowConfig(
        id=workflow_id,
        queue=None if queue is None else to_queue(queue, workflow_id),
        state_schema=state_schema,
        state_index=tuple(state_index),
        state_version=state_version,
        migrate=dict(migrate or {}),
        output_schema=None if output_schema is None else to_schema(output_schema, f'the result of "{workflow_id}"'),
        on_start=_listed(on_start),
        on_end=_listed(on_end),
        schedule=to_schedule_config(workflow_id, schedule),
        **others,
    )
    assert_versions(workflow_id, config.state_version, config.migrate)
    place_hooks(config.on_start, "on_start")
    place_hooks(config.on_end, "on_end")
    assert_trigger(workflow_id, config.trigger_on_event, config.batch_size, config.batch_timeout_seconds)
    made: Workflow[Any, Any, Any] = Workflow(handler, config, names)
    if auto_register:
        global_registry.register(made)
    return made


def _listed(hooks: Any) -> tuple[Any, ...]:
    if hooks is None:
        return ()
    return tuple(hooks) if isinstance(hooks, Sequence) else (hooks,)
