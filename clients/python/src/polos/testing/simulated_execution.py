"""One execution among those of a test."""

from __future__ import annotations

import logging
from typing import Any

from .._gen.polos.v1 import execution_pb2 as execution
from .._gen.polos.v1 import step_pb2 as step
from .._gen.polos.v1.failure_pb2 import Failure
from .._gen.polos.v1.step_pb2 import StepRecord
from ..activation import Activation
from ..activation_options import ActivationOptions
from ..cancellation import Cancellation
from ..workflow import Workflow
from .fake_execution import FakeExecution
from .fake_records import FakeWait
from .world import World

_MAX_RETRIES = 2
"""How often a handler that raised runs again unless its workflow says else."""

_LEASE_MS = 3_600_000

_FINAL = (execution.EXECUTION_STATUS_COMPLETED, execution.EXECUTION_STATUS_FAILED)


class SimulatedExecution:
    """An execution, its handler, and what the server would bring it."""

    def __init__(self, workflow: Workflow[Any, Any, Any], fake: FakeExecution, world: World, execution_id: str) -> None:
        """Enters the world, and begins nothing yet."""
        fake.execution_id, fake.workflow_id = execution_id, workflow.id
        retries = workflow.config.max_retries
        fake.max_retries = _MAX_RETRIES if retries is None else retries
        self.fake = fake
        self._workflow = workflow
        self._world = world
        self._began_waiting: dict[str, float] = {}
        self._given: dict[str, int] = {}
        """The newest event that it was given, by topic."""
        self._seen_children = 0
        self._seen_events = 0
        world.executions[execution_id] = self

    @property
    def is_final(self) -> bool:
        """Whether it has ended."""
        return self.fake.status in _FINAL

    @property
    def failure(self) -> Failure | None:
        """Why it failed, if it did."""
        return self.fake.failure if self.fake.status == execution.EXECUTION_STATUS_FAILED else None

    async def advance(self) -> bool:
        """Runs the handler if it is its turn, or brings what is there. Returns whether anything happened."""
        if self.fake.status == execution.EXECUTION_STATUS_QUEUED:
            await self._run_handler()
            return True
        return any(self._bring(record) for record in self.pending())

    async def _run_handler(self) -> None:
        fake = self.fake
        assignment = fake.assign()
        options = ActivationOptions(
            workflow=self._workflow,
            assignment=assignment,
            steps=assignment.steps,
            port=fake,
            logger=logging.getLogger("polos"),
            lease_ms=_LEASE_MS,
            clock=lambda: self._world.now,
            pause=_no_pause,
        )
        activation = Activation(options)
        await activation.run()
        activation.drop()
        if fake.status == execution.EXECUTION_STATUS_QUEUED and fake.failed_attempts > (fake.max_retries or 0):
            fake.status = execution.EXECUTION_STATUS_FAILED
        for record in self.pending():
            self._began_waiting.setdefault(record.key, self._world.now)
        self._take_up_children()
        for event in fake.published[self._seen_events :]:
            if event.topic is not None:
                self._world.publish(event.topic, event.type, event.data, fake.execution_id)
        self._seen_events = len(fake.published)

    def _take_up_children(self) -> None:
        for number, child in enumerate(self.fake.children[self._seen_children :], self._seen_children + 1):
            workflow = self._world.workflows.get(child.workflow_id)
            if workflow is None:
                raise LookupError(f'a child is of the workflow "{child.workflow_id}": give it in `workflows`')
            child_fake = FakeExecution(child.payload, child.initial_state)
            child_fake.parent = self.fake
            SimulatedExecution(workflow, child_fake, self._world, f"{self.fake.execution_id}/{number}")
        self._seen_children = len(self.fake.children)

    def _bring(self, record: StepRecord) -> bool:
        """Brings the outcome of a step that waits, if it is there. Returns whether it was."""
        fake = self.fake
        if record.kind == step.STEP_KIND_INVOKE_AND_WAIT:
            [child] = self._children_of(record.key)
            if child.is_final:
                fake.bring(record.key, child.fake.result_value, child.failure)
        elif record.kind == step.STEP_KIND_BATCH_INVOKE_AND_WAIT:
            children = self._children_of(record.key)
            for index, child in enumerate(children if all(child.is_final for child in children) else ()):
                fake.finish_batch_child(record.key, index, child.fake.result_value, child.failure)
        elif record.kind == step.STEP_KIND_WAIT_FOR_EVENT:
            self._bring_event(record)
        elif record.kind == step.STEP_KIND_RESUME:
            self._send_resume(record)
        return record.status != step.STEP_STATUS_PENDING

    def _bring_event(self, record: StepRecord) -> None:
        wait = self.wait(record.key)
        topic = wait.topic or ""
        after = self._given.get(topic, 0) if wait.cursor is None else int(wait.cursor)
        for event in self._world.topics.get(topic, [])[after:][:1]:
            self._given[topic] = max(event["sequence"], self._given.get(topic, 0))
            self.fake.bring(record.key, event)

    def _send_resume(self, record: StepRecord) -> None:
        sent = next(each for each in self.fake.resumes if each.step_key == record.key)
        target = self._world.executions.get(sent.execution_id)
        if target is None:
            message = f'there is no execution "{sent.execution_id}"'
            self.fake.bring(record.key, failure=Failure(type="NotFoundError", message=message))
        else:
            target.fake.resume(sent.suspended_step_key, sent.data)
            self.fake.bring(record.key)

    def end_of(self, record: StepRecord) -> float | None:
        """When a wait ends by itself, in seconds since 1970; None if it does not."""
        if record.kind not in (step.STEP_KIND_WAIT_FOR, step.STEP_KIND_SUSPEND, step.STEP_KIND_WAIT_FOR_EVENT):
            return None
        wait = self.wait(record.key)
        length = wait.delay if wait.delay is not None else wait.timeout
        return wait.fire_time if length is None else self._began_waiting[record.key] + length

    def pending(self) -> list[StepRecord]:
        """The steps that wait."""
        if self.is_final:
            return []
        return [record for record in self.fake.steps if record.status == step.STEP_STATUS_PENDING]

    def wait(self, step_key: str) -> FakeWait:
        """A wait as the code asked for it. Raises LookupError if it does not wait."""
        for wait in self.fake.waits:
            if wait.step_key == step_key:
                return wait
        raise LookupError(f'no step waits under the key "{step_key}"')

    def _children_of(self, step_key: str) -> list[SimulatedExecution]:
        numbers = [number for number, child in enumerate(self.fake.children, 1) if child.step_key == step_key]
        return [self._world.executions[f"{self.fake.execution_id}/{number}"] for number in numbers]


async def _no_pause(_: float, signal: Cancellation) -> bool:
    return not signal.is_set()
