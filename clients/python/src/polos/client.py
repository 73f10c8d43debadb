"""Clients: what starts executions and follows them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, overload

from pydantic import BaseModel, TypeAdapter
from typing_extensions import Self, Unpack

from ._gen.polos.v1.workflow_service_pb2 import InvokeRequest
from .batch import BatchWorkflowInput
from .batch_invoke import invoke_all
from .config import PolosConnection, resolve_config
from .events_api import EventsApi
from .execution import ExecutionInfo
from .execution_handle import RESULT_TIMEOUT_SECONDS, ExecutionHandle
from .execution_list import ListExecutionsOptions, list_executions
from .invocation import Invocation
from .invoke_request import InvokeOptions, to_invoke_request
from .methods import INVOKE
from .schedules import SchedulesApi
from .scope import assert_outside_workflow
from .transport import Transport
from .workflow_target import WorkflowTarget

if TYPE_CHECKING:
    from .workflow import Workflow

PayloadT = TypeVar("PayloadT")
StateT = TypeVar("StateT")
ResultT = TypeVar("ResultT")


class PolosClient:
    """Starts executions and follows them.

    One client holds one connection, opened by the first call, over which any number of calls run at once. It belongs to the
    event loop of that call; a program that runs one loop after the other gets a connection in each. `async with
    PolosClient() as client` closes it at the end; without that it ends with the process.
    """

    events: EventsApi
    """Publishes to topics, and reads them."""
    schedules: SchedulesApi
    """The rules that start executions at times."""

    def __init__(
        self,
        api_url: str | None = None,
        api_key: str | None = None,
        project_id: str | None = None,
        deployment_id: str | None = None,
        *,
        max_concurrent_workflows: int | None = None,
    ) -> None:
        """Fills in what is left out from the environment, then from the defaults for a local server.

        - `api_url`: `http://HOST[:PORT]` or `https://...`. Default: POLOS_API_URL, else `http://localhost:8080`.
        - `api_key`: default: POLOS_API_KEY, else none.
        - `project_id`: the project that everything happens in. Default: POLOS_PROJECT_ID, else `default`.
        - `deployment_id`: what invocations are meant for and workers belong to. Default: POLOS_DEPLOYMENT_ID, else none.
        - `max_concurrent_workflows`: how many executions a worker takes at once, 1 to 10,000. Default:
          POLOS_MAX_CONCURRENT_WORKFLOWS, else 100.

        Raises ValueError for an `api_url` that is none, and for `max_concurrent_workflows`.
        """
        self._connection = resolve_config(
            api_url=api_url,
            api_key=api_key,
            project_id=project_id,
            deployment_id=deployment_id,
            max_concurrent_workflows=max_concurrent_workflows,
        )
        self._transport = Transport(self._connection)
        self.events = EventsApi(self._transport)
        self.schedules = SchedulesApi(self._transport)

    @classmethod
    def from_env(cls) -> Self:
        """A client as the environment describes it: the same as `PolosClient()`."""
        return cls()

    async def __aenter__(self) -> Self:
        """The client itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Closes the connection."""
        await self.close()

    def get_config(self) -> PolosConnection:
        """The configuration with every default filled in."""
        return self._connection

    @property
    def transport(self) -> Transport:
        """The connection, for the rest of the SDK."""
        return self._transport

    @overload
    async def invoke(
        self,
        workflow: Workflow[PayloadT, StateT, ResultT],
        payload: PayloadT | Mapping[str, Any] | None = None,
        *,
        initial_state: StateT | Mapping[str, Any] | None = None,
        **options: Unpack[InvokeOptions],
    ) -> ExecutionHandle[ResultT]: ...
    @overload
    async def invoke(
        self,
        workflow: str,
        payload: Any = None,
        *,
        initial_state: BaseModel | Mapping[str, Any] | None = None,
        **options: Unpack[InvokeOptions],
    ) -> ExecutionHandle[Any]: ...
    async def invoke(
        self, workflow: WorkflowTarget, payload: Any = None, *, initial_state: Any = None, **options: Any
    ) -> ExecutionHandle[Any]:
        """Starts an execution and returns once it is durable.

        Repeated by itself while the server cannot be reached, for 30 s, under one idempotency key: never two executions.

        - `workflow`: a workflow, or the id of one in any language.
        - `payload`: a model, or plain JSON data; None is no value.
        - `initial_state`: the state to start with, a model or a dict; the workflow's defaults fill in the rest.
        - The others: see `InvokeOptions`.

        Raises what `Workflow.invoke` raises.
        """
        return await self._start(workflow, payload, initial_state, options)

    @overload
    async def run(
        self,
        workflow: Workflow[PayloadT, StateT, ResultT],
        payload: PayloadT | Mapping[str, Any] | None = None,
        *,
        initial_state: StateT | Mapping[str, Any] | None = None,
        timeout: float = ...,
        **options: Unpack[InvokeOptions],
    ) -> ResultT: ...
    @overload
    async def run(
        self,
        workflow: str,
        payload: Any = None,
        *,
        initial_state: BaseModel | Mapping[str, Any] | None = None,
        timeout: float = ...,
        **options: Unpack[InvokeOptions],
    ) -> Any: ...
    async def run(
        self,
        workflow: WorkflowTarget,
        payload: Any = None,
        *,
        initial_state: Any = None,
        timeout: float = RESULT_TIMEOUT_SECONDS,
        **options: Any,
    ) -> Any:
        """Starts an execution and waits for its result, `timeout` seconds at most; it goes on when they are over.

        Raises what `invoke` and `ExecutionHandle.get_result` raise.
        """
        handle = await self._start(workflow, payload, initial_state, options)
        return await handle.get_result(timeout)

    async def batch_invoke(
        self,
        workflows: Sequence[BatchWorkflowInput[Any]],
        *,
        session_id: str | None = None,
        user_id: str | None = None,
    ) -> list[ExecutionHandle[Any]]:
        """Starts many executions and returns once all are durable: handles in the order of the items.

        Each (a `BatchWorkflowInput`, or a `ClientBatchWorkflowInput`) has an idempotency key of its own, so that what is sent
        again after a lost answer starts nothing twice. Any number of items, in as few requests as hold them.

        - `session_id`: the session they belong to. Default: a fresh UUID for each.
        - `user_id`: the user on whose behalf they run.

        Raises BatchInvokeError if some could not be started: it has the ids of the others. StateValidationError,
        PayloadValidationError, SerializationError for what an item cannot be given, with its place: then nothing was started.
        """
        assert_outside_workflow("client.batch_invoke()", "ctx.step.batch_invoke() or ctx.step.batch_invoke_and_wait()")
        ids = await invoke_all(
            self._transport,
            workflows,
            deployment_id=self._connection.deployment_id,
            session_id=session_id,
            user_id=user_id,
        )
        pairs = zip(workflows, ids, strict=True)
        return [ExecutionHandle(self._transport, each, _output_of(item.workflow)) for item, each in pairs]

    def get_handle(self, execution_id: str) -> ExecutionHandle[Any]:
        """A handle of an execution by its id. Asks nothing of the server."""
        return ExecutionHandle(self._transport, execution_id)

    async def get_execution(self, execution_id: str) -> ExecutionInfo:
        """Reads an execution. Raises NotFoundError."""
        return await self.get_handle(execution_id).get()

    def list_executions(self, **options: Unpack[ListExecutionsOptions]) -> AsyncGenerator[ExecutionInfo, None]:
        """Lists executions, newest first; each is read when it is taken: `async for execution in client.list_executions(..)`.

        They come without payload, initial state and result, which `get_execution` reads. The options: see
        `ListExecutionsOptions`.

        Raises ValueError for the limit; InvalidArgumentError for what cannot be asked: a field that no version of the workflow
        declares in its `state_index`, or a filter that means nothing.
        """
        return list_executions(self._transport, options)

    async def cancel_execution(self, execution_id: str) -> bool:
        """Asks that an execution and all that descends from it end.

        Returns False if it was final before. Raises NotFoundError.
        """
        return await self.get_handle(execution_id).cancel()

    async def pause_execution(self, execution_id: str) -> None:
        """Holds an execution back from workers; see `ExecutionHandle.pause`."""
        await self.get_handle(execution_id).pause()

    async def unpause_execution(self, execution_id: str) -> None:
        """Ends a pause; see `ExecutionHandle.unpause`."""
        await self.get_handle(execution_id).unpause()

    @overload
    async def resume(self, execution_id: str, step_key: str, data: Any = None, /) -> None: ...
    @overload
    async def resume(self, workflow_id: str, execution_id: str, step_key: str, data: Any, /) -> None: ...
    async def resume(self, *arguments: Any) -> None:
        """Resumes a step of an execution: `resume(execution_id, step_key, data)`; see `ExecutionHandle.resume`.

        Four arguments are those of the public Polos SDK, which names the workflow first; an execution's id says it all, so
        that nothing is made of it.
        """
        execution_id, step_key, *data = arguments[1:] if len(arguments) == 4 else arguments
        await self.get_handle(execution_id).resume(step_key, *data)

    async def close(self) -> None:
        """Closes the connection; calls under way fail."""
        await self._transport.close()

    def begin(
        self, workflow: Workflow[Any, Any, ResultT], payload: Any, initial_state: Any, options: Mapping[str, Any]
    ) -> Invocation[ResultT]:
        """For `Workflow`: starts an execution, on the running loop, without waiting for the start."""
        assert_outside_workflow("a workflow", "ctx.step.invoke_and_wait()")
        others = {name: value for name, value in options.items() if name != "timeout"}
        request = self._to_request(workflow, payload, initial_state, others)
        start = self._send(request, _output_of(workflow))
        return Invocation(self._transport, request.execution_id, start, options.get("timeout"))

    async def _start(
        self, workflow: WorkflowTarget, payload: Any, initial_state: Any, options: Mapping[str, Any]
    ) -> ExecutionHandle[Any]:
        assert_outside_workflow("client.invoke()", "ctx.step.invoke() or ctx.step.invoke_and_wait()")
        return await self._send(self._to_request(workflow, payload, initial_state, options), _output_of(workflow))

    def _to_request(
        self, workflow: WorkflowTarget, payload: Any, initial_state: Any, options: Mapping[str, Any]
    ) -> InvokeRequest:
        deployment_id = self._connection.deployment_id
        return to_invoke_request(workflow, payload, initial_state, options, deployment_id=deployment_id)

    async def _send(self, request: InvokeRequest, output_schema: TypeAdapter[Any] | None) -> ExecutionHandle[Any]:
        answer = await self._transport.call(INVOKE, request, repeatable=True)
        return ExecutionHandle(self._transport, answer.execution_id, output_schema)


def _output_of(workflow: WorkflowTarget) -> TypeAdapter[Any] | None:
    return None if isinstance(workflow, str) else workflow.config.output_schema
