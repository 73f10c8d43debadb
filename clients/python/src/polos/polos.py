"""A client and a worker in one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from typing_extensions import Self

from .client import PolosClient
from .logger import create_logger
from .registry import global_registry
from .signals import listen_for_signals
from .worker import SHUTDOWN_TIMEOUT, Worker
from .workflow import Workflow


class Polos(PolosClient):
    """A client and a worker in one, for programs that both define workflows and start them.

    ```python
    async with Polos() as polos:
        result = await my_workflow(polos, payload)
    ```
    """

    def __init__(  # The public Polos SDK names the project first here, and last in `PolosClient`.
        self,
        project_id: str | None = None,
        api_url: str | None = None,
        api_key: str | None = None,
        deployment_id: str | None = None,
        *,
        max_concurrent_workflows: int | None = None,
        workflows: Sequence[Workflow[Any, Any, Any]] | None = None,
        shutdown_timeout: float = SHUTDOWN_TIMEOUT,
        logger: logging.Logger | None = None,
    ) -> None:
        """Connects to nothing yet.

        - `project_id`, `api_url`, `api_key`, `deployment_id`, `max_concurrent_workflows`: see `PolosClient`.
        - `workflows`: what to serve. Default: every workflow that is defined when `start` is called.
        - `shutdown_timeout`: how long `stop` waits for executions to end or to come to a wait, in seconds.
        - `logger`: default: the logger `polos`; see `create_logger`.

        Raises ValueError for an `api_url` that is none, and for `max_concurrent_workflows`.
        """
        super().__init__(api_url, api_key, project_id, deployment_id, max_concurrent_workflows=max_concurrent_workflows)
        self._workflows = workflows
        self._shutdown_timeout = shutdown_timeout
        self._logger = logger or create_logger()
        self._running: tuple[Worker, asyncio.Task[None]] | None = None

    async def __aenter__(self) -> Self:
        """Starts the worker; see `start`."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Shuts the worker down and closes the connection."""
        try:
            await self.stop()
        finally:
            await self.close()

    async def start(self) -> None:
        """Starts the worker on the running event loop and returns once the server has accepted it.

        A server that cannot be reached is waited for. Signals are left to the program.

        Raises ValueError if no workflow is defined; what `Worker.run` raises.
        """
        if self._running is not None:
            raise RuntimeError("Polos is started already")
        worker = Worker(
            self,
            workflows=global_registry.all() if self._workflows is None else self._workflows,
            handle_signals=False,
            shutdown_timeout=self._shutdown_timeout,
            logger=self._logger,
        )
        stopped = asyncio.create_task(worker.run())
        running = asyncio.create_task(worker.when_running())
        self._running = (worker, stopped)
        try:
            await asyncio.wait((stopped, running), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._running = None
            stopped.cancel()
            raise
        finally:
            running.cancel()
        if stopped.done():
            self._running = None
            stopped.result()
        else:
            stopped.add_done_callback(self._note_stop)

    async def serve(self) -> None:
        """Starts the worker and serves until SIGTERM, SIGINT or `stop`; then shuts down gracefully and returns."""
        stopping: list[asyncio.Task[None]] = []
        stop_listening = listen_for_signals(lambda: stopping.append(asyncio.create_task(self.stop())))
        try:
            await self.start()
            if self._running is not None:
                await self._running[1]
            await asyncio.gather(*stopping)
        finally:
            stop_listening()

    async def stop(self) -> None:
        """Shuts the worker down gracefully; see `Worker.shutdown`. The client can still be used."""
        if self._running is None:
            return
        worker, stopped = self._running
        await worker.shutdown()
        await stopped
        self._running = None

    def get_client(self) -> PolosClient:
        """The client: this object itself."""
        return self

    def _note_stop(self, stopped: asyncio.Task[None]) -> None:
        # Whoever serves or stops it gets the error too; after a mere start nobody else would tell.
        if not stopped.cancelled() and stopped.exception() is not None:
            self._logger.error("the worker has stopped: %s", stopped.exception())
