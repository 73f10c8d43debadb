"""Workers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any, Literal

from ._gen.polos.v1 import worker_service_pb2 as pb
from .assignments import Assignments
from .client import PolosClient
from .config import resolve_maximum
from .logger import create_logger
from .registration import to_registration
from .schema_warning import schema_warning
from .signals import listen_for_signals
from .time import duration_seconds
from .worker_link import WorkerLink, WorkerLinkListener
from .workflow import Workflow

WorkerState = Literal["stopped", "starting", "running", "stopping"]
"""Where a worker is in its life."""

SHUTDOWN_TIMEOUT = 30.0
"""How long a shutdown waits for executions unless it is told, in seconds."""

_ENDING_SECONDS = 5.0
"""How long what was dropped may take to notice."""


class Worker:
    """Runs executions of its workflows.

    It connects to the server and is given work as long as it has room; nothing connects to it. Everything runs on the event
    loop that `run` runs on; functions that are not `async` run in threads. A process that has a worker or a client must not
    fork.

    ```python
    worker = Worker(PolosClient(), workflows=[charge, refund])
    asyncio.run(worker.run())
    ```
    """

    def __init__(
        self,
        client: PolosClient | None = None,
        *,
        workflows: Sequence[Workflow[Any, Any, Any]],
        deployment_id: str | None = None,
        max_concurrent_workflows: int | None = None,
        build_id: str | None = None,
        handle_signals: bool = True,
        shutdown_timeout: float = SHUTDOWN_TIMEOUT,
        logger: logging.Logger | None = None,
    ) -> None:
        """Connects to nothing yet.

        - `client`: whose connection and configuration to use. Default: one as the environment describes it.
        - `workflows`: what it serves, 1 to 1,000.
        - `deployment_id`, `max_concurrent_workflows`: default: the client's.
        - `build_id`: the build it runs, for people.
        - `handle_signals`: whether SIGTERM and SIGINT make `run` shut down gracefully and return.
        - `shutdown_timeout`: how long a shutdown waits for executions to end or to come to a wait, in seconds.
        - `logger`: default: the logger `polos`; see `create_logger`.

        Raises ValueError without workflows, with two of the same id, and for `max_concurrent_workflows`.
        """
        self._owns_client = client is None
        self._client = client or PolosClient()
        connection = self._client.get_config()
        self._deployment_id = deployment_id or connection.deployment_id
        self._slots_max = resolve_maximum(max_concurrent_workflows, connection.max_concurrent_workflows)
        self._build_id = build_id
        self._handle_signals = handle_signals
        self._shutdown_timeout = shutdown_timeout
        self._logger = logger or create_logger()
        self._workflows: dict[str, Workflow[Any, Any, Any]] = {}
        for each in workflows:
            if each.id in self._workflows:
                raise ValueError(f'two workflows have the id "{each.id}"')
            self._workflows[each.id] = each
        if not self._workflows:
            raise ValueError("a worker needs at least one workflow")
        self._assignments = Assignments(
            self._workflows,
            transport=self._client.transport,
            deployment_id=self._deployment_id,
            logger=self._logger,
            changed=self._note_free_slot,
        )
        self._slot_freed = asyncio.Event()
        self._opened = asyncio.Event()
        self._shutting_down: asyncio.Task[None] | None = None
        self._state: WorkerState = "stopped"
        self._worker_id: str | None = None
        self._link: WorkerLink | None = None

    async def run(self) -> None:
        """Connects and runs executions until `shutdown`. A server that cannot be reached is waited for.

        Raises AccessDeniedError, InvalidArgumentError if the server does not want this worker; NameError, TypeError for a
        workflow whose annotations make no schema.
        """
        if self._state != "stopped":
            raise RuntimeError(f"the worker is {self._state} already")
        self._state = "starting"
        stop_listening = listen_for_signals(self._shut_down_soon) if self._handle_signals else lambda: None
        try:
            registration = to_registration(
                list(self._workflows.values()),
                deployment_id=self._deployment_id,
                build_id=self._build_id,
                max_concurrent_workflows=self._slots_max,
                logger=self._logger,
            )
            link = WorkerLink(self._client.transport, registration, self._listener(), self._logger)
            self._link = self._assignments.link = link
            await link.run()
        finally:
            stop_listening()
            await self._end()

    async def when_running(self) -> None:
        """Returns once the server has accepted the worker. Call before or after `run`."""
        await self._opened.wait()

    async def shutdown(self) -> None:
        """Takes no more executions, lets those at work end or come to a wait, and disconnects.

        What does not in time is left: its lease runs out, and another worker takes it.
        """
        if self._state in ("stopped", "stopping"):
            return
        self._state = "stopping"
        self._assignments.keeps_suspended = False
        if self._link is not None:
            self._link.drain()
        end = time.monotonic() + self._shutdown_timeout
        while self._assignments.count and time.monotonic() < end:
            self._slot_freed.clear()
            try:
                await asyncio.wait_for(self._slot_freed.wait(), end - time.monotonic())
            except (TimeoutError, asyncio.TimeoutError):
                break
        count = self._assignments.count
        if count:
            self._logger.warning("%d executions did not come to an end in time; others will take them", count)
        if self._link is not None:
            self._link.close()

    def get_worker_id(self) -> str | None:
        """The id that the server gave it; None before that. It changes when the server forgets the worker."""
        return self._worker_id

    def get_state(self) -> WorkerState:
        """Where it is in its life. `running` means that the server has accepted it."""
        return self._state

    def get_workflow_ids(self) -> list[str]:
        """The ids of the workflows it serves."""
        return list(self._workflows)

    def _shut_down_soon(self) -> None:
        self._shutting_down = asyncio.create_task(self.shutdown())

    async def _end(self) -> None:
        if self._link is not None:
            self._link.close()
        await self._assignments.end(_ENDING_SECONDS)
        self._link = self._assignments.link = None
        self._state = "stopped"
        if self._owns_client:
            await self._client.close()

    def _listener(self) -> WorkerLinkListener:
        return WorkerLinkListener(
            registered=self._note_registration,
            opened=self._note_opened,
            assigned=self._assignments.take,
            noticed=self._assignments.note_notice,
            leases_extended=self._assignments.note_reports,
            free_slots=lambda: max(0, self._slots_max - self._assignments.count),
            leases=self._assignments.leases,
        )

    def _note_free_slot(self) -> None:
        self._slot_freed.set()
        if self._link is not None:
            self._link.grant()

    def _note_registration(self, answer: pb.RegisterWorkerResponse) -> None:
        self._worker_id = answer.worker_id
        if answer.HasField("lease_duration"):
            self._assignments.lease_seconds = duration_seconds(answer.lease_duration)
        if answer.limits.payload_bytes > 0:
            self._assignments.payload_bytes_max = answer.limits.payload_bytes
        for report in answer.schema_reports:
            warning = schema_warning(report)
            if warning is not None:
                self._logger.warning("%s", warning)

    def _note_opened(self) -> None:
        url = self._client.get_config().api_url
        self._logger.info("worker %s serves %d workflows at %s", self._worker_id, len(self._workflows), url)
        if self._state == "starting":
            self._state = "running"
        self._opened.set()
