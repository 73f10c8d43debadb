"""Executions that are being started."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Generator
from typing import Any, Generic

from typing_extensions import TypeVar

from .execution import ExecutionInfo
from .execution_event import ExecutionEvent
from .execution_handle import RESULT_TIMEOUT_SECONDS, ExecutionHandle
from .execution_state import StateReader
from .execution_status import ExecutionStatus
from .transport import Transport

ResultT = TypeVar("ResultT", default=Any)


class Invocation(Generic[ResultT]):
    """An execution that is being started: a handle, and awaited its result.

    ```python
    run = my_workflow(client, payload)
    async for event in run.events():
        print(event.type)
    result = await run
    ```

    Its methods wait for the start first. If the start fails, they and the await raise why.
    """

    def __init__(
        self,
        transport: Transport,
        execution_id: str,
        start: Coroutine[Any, Any, ExecutionHandle[ResultT]],
        timeout: float | None,
    ) -> None:
        """For `Workflow`: starts at once, on the running loop. `execution_id` is empty if only the server knows it."""
        self._execution_id = execution_id
        self._timeout = RESULT_TIMEOUT_SECONDS if timeout is None else timeout
        self._started: asyncio.Task[ExecutionHandle[ResultT]] = asyncio.get_running_loop().create_task(start)
        self._started.add_done_callback(self._note_start)
        self.state = StateReader(transport, self._get_id)
        """See `ExecutionHandle.state`."""

    def __await__(self) -> Generator[Any, None, ResultT]:
        """Waits for the result. Raises as `ExecutionHandle.get_result`."""
        return self.result().__await__()

    @property
    def execution_id(self) -> str:
        """The execution's id, known from the start.

        Raises RuntimeError if the caller gave an idempotency key and the start is not answered yet: await `started` first.
        """
        if not self._execution_id:
            raise RuntimeError(
                "with an idempotency key the id is known once the execution is started: await `started()`"
            )
        return self._execution_id

    @property
    def id(self) -> str:
        """The same as `execution_id`."""
        return self.execution_id

    async def started(self) -> ExecutionHandle[ResultT]:
        """Returns once the execution is durable. Raises what `Workflow.invoke` raises."""
        # Whoever stops waiting does not stop the start.
        return await asyncio.shield(self._started)

    async def result(self) -> ResultT:
        """Waits for the result. The same as awaiting the invocation. Raises as `ExecutionHandle.get_result`."""
        return await self.get_result()

    async def get_result(self, timeout: float | None = None) -> ResultT:
        """See `ExecutionHandle.get_result`. Default: the `timeout` that it was started with."""
        return await (await self.started()).get_result(self._timeout if timeout is None else timeout)

    async def get(self) -> ExecutionInfo:
        """See `ExecutionHandle.get`."""
        return await (await self.started()).get()

    async def status(self) -> ExecutionStatus:
        """See `ExecutionHandle.status`."""
        return await (await self.started()).status()

    async def cancel(self) -> bool:
        """See `ExecutionHandle.cancel`."""
        return await (await self.started()).cancel()

    async def pause(self) -> None:
        """See `ExecutionHandle.pause`."""
        await (await self.started()).pause()

    async def unpause(self) -> None:
        """See `ExecutionHandle.unpause`."""
        await (await self.started()).unpause()

    async def resume(self, step_key: str, data: Any = None) -> None:
        """See `ExecutionHandle.resume`."""
        await (await self.started()).resume(step_key, data)

    async def events(
        self, *, descendants: bool = False, after: int = 0, follow: bool = True
    ) -> AsyncGenerator[ExecutionEvent, None]:
        """See `ExecutionHandle.events`."""
        handle = await self.started()
        async for event in handle.events(descendants=descendants, after=after, follow=follow):
            yield event

    def __repr__(self) -> str:
        return f"<Invocation {self._execution_id or 'being started'}>"

    async def _get_id(self) -> str:
        return (await self.started()).id

    def _note_start(self, started: asyncio.Task[ExecutionHandle[ResultT]]) -> None:
        # An error is raised by the await or the method that comes next; asking for it here keeps asyncio from telling it
        # a second time.
        if not started.cancelled() and started.exception() is None:
            self._execution_id = started.result().id
