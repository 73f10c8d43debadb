"""The executions that a worker runs or keeps."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ._gen.polos.v1 import worker_service_pb2 as pb
from ._gen.polos.v1.step_pb2 import StepRecord
from ._gen.polos.v1.workflow_service_pb2 import ListStepsRequest
from .activation import Activation
from .activation_options import ActivationOptions
from .errors import WorkflowNotFoundError
from .methods import LIST_STEPS
from .payload import PAYLOAD_BYTES_MAX
from .suspended_activations import SuspendedActivations
from .transport import Transport
from .worker_link import LEASE_SECONDS_DEFAULT, WorkerLink
from .workflow import Workflow

_PASSES = 10
"""Passes of the event loop that an activation has to take note of the answer to its suspension."""


class Assignments:
    """Takes up what a worker is assigned, tells it the server's news, and keeps what is suspended.

    `changed` is called whenever one has come to its end.
    """

    lease_seconds = LEASE_SECONDS_DEFAULT
    payload_bytes_max = PAYLOAD_BYTES_MAX
    keeps_suspended = True
    """Whether what is suspended will be kept, as far as is known."""
    link: WorkerLink | None = None
    """Where what becomes of executions goes to."""

    def __init__(
        self,
        workflows: Mapping[str, Workflow[Any, Any, Any]],
        *,
        transport: Transport,
        deployment_id: str | None,
        logger: logging.Logger,
        changed: Callable[[], None],
    ) -> None:
        """Holds nothing yet."""
        self._workflows = workflows
        self._transport = transport
        self._deployment_id = deployment_id
        self._logger = logger
        self._changed = changed
        self._active: dict[str, Activation] = {}
        self._suspended: SuspendedActivations[Activation] = SuspendedActivations()
        # The newest assignment of each execution that is at work or being taken up.
        self._newest: dict[str, pb.Assignment] = {}
        self._takings: set[asyncio.Task[None]] = set()
        self._releases: set[asyncio.Task[None]] = set()

    @property
    def count(self) -> int:
        """How many executions are at work or being taken up."""
        return len(self._takings)

    def leases(self) -> list[pb.Lease]:
        """The leases of what is at work."""
        return [activation.lease for activation in self._active.values()]

    def take(self, assignment: pb.Assignment) -> None:
        """Takes an execution up."""
        self._newest[assignment.lease.execution_id] = assignment
        taking = asyncio.create_task(self._take(assignment, time.monotonic()))
        self._takings.add(taking)
        taking.add_done_callback(self._note_taken)

    def note_notice(self, notice: pb.WorkResponse.Notice) -> None:
        """There is news of an execution."""
        activation = self._held(notice)
        if activation is None:
            return
        if notice.lease_lost:
            self._drop(notice.execution_id)
        else:
            _bring(activation, notice)

    def note_reports(self, reports: Sequence[pb.LeaseReport], sent_at: float) -> None:
        """A heartbeat was answered that was sent then (time.monotonic)."""
        for report in reports:
            activation = self._held(report)
            if activation is None:
                continue
            if report.held:
                activation.confirm(sent_at)
                _bring(activation, report)
            else:
                self._drop(report.execution_id)

    async def end(self, timeout: float) -> None:
        """Drops everything and waits until that is noticed, `timeout` seconds at most."""
        for execution_id in list(self._active):
            self._drop(execution_id)
        self._newest.clear()
        self._suspended.clear()
        if self._takings:
            await asyncio.wait(self._takings, timeout=timeout)

    def _note_taken(self, taking: asyncio.Task[None]) -> None:
        self._takings.discard(taking)
        self._changed()

    async def _take(self, assignment: pb.Assignment, received_at: float) -> None:
        execution_id = assignment.lease.execution_id
        try:
            await self._run(execution_id, assignment, received_at)
        except Exception as error:
            self._logger.error("execution %s cannot run here: %s", execution_id, error)
        if self._newest.get(execution_id) is assignment:
            del self._newest[execution_id]

    async def _run(self, execution_id: str, assignment: pb.Assignment, received_at: float) -> None:
        # An execution that was just suspended may come back before its activation has taken note of the suspension.
        for _ in range(_PASSES):
            if execution_id not in self._active:
                break
            await asyncio.sleep(0)
        self._drop(execution_id)
        activation = await self._activation_for(execution_id, assignment, received_at)
        # While its steps were fetched the lease ran out, and the execution was given to this worker once more.
        if self._newest.get(execution_id) is not assignment:
            activation.drop()
            return
        self._active[execution_id] = activation
        end = await activation.run()
        if self._active.get(execution_id) is activation:
            del self._active[execution_id]
        if end == "suspended":
            self._suspended.put(activation)
        elif end == "dropped":
            release = asyncio.create_task(self._release_when_still(activation))
            self._releases.add(release)
            release.add_done_callback(self._releases.discard)

    async def _release_when_still(self, activation: Activation) -> None:
        """Not every function can be stopped: nobody else may run them before they have ended."""
        await activation.when_still()
        if self.link is not None:
            self.link.release(activation.lease)

    async def _activation_for(self, execution_id: str, assignment: pb.Assignment, received_at: float) -> Activation:
        """The activation that is kept for an execution, if it can go on, or else a new one that replays."""
        token = assignment.next_steps_page_token
        steps = [*assignment.steps, *(await self._fetch_steps(execution_id, token) if token else ())]
        kept = self._suspended.take(execution_id)
        if kept is not None:
            if kept.resume(assignment, steps, received_at):
                return kept
            kept.drop()
        # The server left out what the kept code had seen, and that code is gone.
        if assignment.omitted_steps > 0:
            steps = await self._fetch_steps(execution_id, "")
        workflow_id = assignment.execution.workflow_id
        workflow = self._workflows.get(workflow_id)
        if workflow is None:
            raise WorkflowNotFoundError(workflow_id)
        if self.link is None:
            raise RuntimeError("the worker has stopped")
        return Activation(
            ActivationOptions(
                workflow=workflow,
                assignment=assignment,
                steps=steps,
                port=self.link,
                logger=self._logger,
                lease_ms=self.lease_seconds * 1_000,
                received_at=received_at,
                is_kept=lambda: self.keeps_suspended,
                payload_bytes_max=self.payload_bytes_max,
                deployment_id=self._deployment_id,
            )
        )

    async def _fetch_steps(self, execution_id: str, page_token: str) -> list[StepRecord]:
        """An execution's steps, page by page, from a page on; empty for the first."""
        steps: list[StepRecord] = []
        while True:
            request = ListStepsRequest(execution_id=execution_id, page_token=page_token)
            page = await self._transport.call(LIST_STEPS, request, repeatable=True)
            steps.extend(page.steps)
            page_token = page.next_page_token
            if not page_token:
                return steps

    def _held(self, news: pb.LeaseReport | pb.WorkResponse.Notice) -> Activation | None:
        """The activation that news is about, if it holds that very lease."""
        activation = self._active.get(news.execution_id)
        return activation if activation is not None and activation.lease.epoch == news.epoch else None

    def _drop(self, execution_id: str) -> None:
        """Drops what runs for an execution, if anything does."""
        activation = self._active.pop(execution_id, None)
        if activation is not None:
            activation.drop()
        if self.link is not None:
            self.link.forget(execution_id)


def _bring(activation: Activation, news: pb.LeaseReport | pb.WorkResponse.Notice) -> None:
    activation.bring(news.outcomes)
    if news.cancel_requested:
        activation.cancel()
