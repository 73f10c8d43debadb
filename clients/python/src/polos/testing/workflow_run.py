"""A workflow that runs in a test."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, Generic

from pydantic import BaseModel
from typing_extensions import TypeVar

from .._gen.polos.v1 import step_pb2 as step
from .._gen.polos.v1.step_pb2 import StepRecord
from ..errors import WorkflowFailedError
from ..failure import to_error
from ..workflow import Workflow
from ..workflow_values import read_as, write_initial_state, write_start_payload
from .fake_execution import FakeExecution
from .simulated_execution import SimulatedExecution
from .world import World

ResultT = TypeVar("ResultT", default=Any)


class WorkflowRun(Generic[ResultT]):
    """One execution of a workflow in a test: real steps and state, no server, and a clock that is turned by hand.

    ```python
    run = WorkflowRun(order_workflow, Order(total=5), workflows=[charge])
    await run.advance()
    assert run.waits_for == ["approval"]
    run.resume("approval", {"ok": True})
    assert await run.result() == Receipt(total=5)
    assert run.state["approved"] is True
    ```

    After each wait the handler runs again from the start and answers from the record, so that code which is not
    deterministic shows. Retries of steps and of the handler do not wait. Children run with it: give their workflows.
    """

    def __init__(
        self,
        workflow: Workflow[Any, Any, ResultT],
        payload: Any = None,
        *,
        initial_state: BaseModel | Mapping[str, Any] | None = None,
        workflows: Sequence[Workflow[Any, Any, Any]] = (),
        now: datetime | None = None,
    ) -> None:
        """Begins nothing yet.

        - `workflows`: those of its children.
        - `now`: what time it is at first, in UTC if it has no time zone. Default: the real time.

        Raises PayloadValidationError, StateValidationError, SerializationError, PayloadSizeError, StateSizeError for what no
        execution can be started with.
        """
        start = None if now is None else (now if now.tzinfo else now.replace(tzinfo=timezone.utc)).timestamp()
        self._workflow = workflow
        self._world = World.of([workflow, *workflows], start)
        text = write_initial_state(workflow.config, initial_state, "the initial state")
        state = json.loads(text) if text else None
        fake = FakeExecution(write_start_payload(workflow.config, payload, "the payload"), state)
        self._execution = SimulatedExecution(workflow, fake, self._world, fake.execution_id)

    @property
    def state(self) -> dict[str, Any]:
        """The state of the last commit, as JSON data."""
        return self._execution.fake.state

    @property
    def steps(self) -> list[str]:
        """The keys of the steps whose outcome the code has, in order."""
        placed = [record for record in self._execution.fake.steps if record.sequence > 0]
        return [record.key for record in sorted(placed, key=lambda record: record.sequence)]

    @property
    def waits_for(self) -> list[str]:
        """The keys of the steps that wait."""
        return [record.key for record in self._execution.pending()]

    @property
    def is_final(self) -> bool:
        """Whether it has ended."""
        return self._execution.is_final

    @property
    def now(self) -> datetime:
        """What time it is."""
        return datetime.fromtimestamp(self._world.now, timezone.utc)

    @property
    def published(self) -> list[tuple[str | None, str, Any]]:
        """What it published: topic (None for its own events), type and data."""
        return [(each.topic, each.type, each.data) for each in self._execution.fake.published]

    def suspended_with(self, step_key: str) -> Any:
        """The data that a `step.suspend` shows to whoever resumes it. Raises LookupError if it does not wait."""
        return self._execution.wait(step_key).data

    def resume(self, step_key: str, data: Any = None) -> None:
        """Resumes a `step.suspend`, also one that does not wait yet."""
        self._execution.fake.resume(step_key, data)

    def publish(self, topic: str, data: Any = None, event_type: str = "event") -> None:
        """Publishes an event to a topic."""
        self._world.publish(topic, event_type, data)

    async def advance(self) -> None:
        """Runs until it has ended, or waits for a time, an event or a resume; its children with it."""
        while any([await each.advance() for each in list(self._world.executions.values())]):
            pass

    async def skip(
        self, *, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0, weeks: float = 0
    ) -> None:
        """Lets time pass: waits and timeouts that become due end one after the other, each at its time."""
        until = self._world.now + seconds + 60 * minutes + 3_600 * (hours + 24 * (days + 7 * weeks))
        await self.advance()
        while (due := self._next_due()) is not None and due[0] <= until:
            await self._fire(*due)
        self._world.now = until

    async def result(self) -> ResultT:
        """Runs until it has ended, and lets as much time pass as it takes.

        Raises WorkflowFailedError if it fails; RuntimeError if it waits for what only the test can give.
        """
        await self.advance()
        while not self.is_final:
            due = self._next_due()
            if due is None:
                raise RuntimeError(f"the workflow waits for {self.waits_for}: resume the step, or publish the event")
            await self._fire(*due)
        fake, failure = self._execution.fake, self._execution.failure
        if failure is not None:
            raise WorkflowFailedError(fake.execution_id, self._workflow.id, to_error(failure))
        result: ResultT = read_as(self._workflow.config.output_schema, fake.result, "the result")
        return result

    def _next_due(self) -> tuple[float, SimulatedExecution, StepRecord] | None:
        """The wait that ends first, of all executions: when, whose, and which."""
        due = [
            (end, number, each, record)
            for number, each in enumerate(self._world.executions.values())
            for record in each.pending()
            if (end := each.end_of(record)) is not None
        ]
        if not due:
            return None
        end, _, simulated, record = min(due, key=lambda each: each[:2])
        return end, simulated, record

    async def _fire(self, due: float, simulated: SimulatedExecution, record: StepRecord) -> None:
        self._world.now = max(self._world.now, due)
        if record.kind == step.STEP_KIND_WAIT_FOR:
            simulated.fake.bring(record.key)
        else:
            simulated.fake.expire(record.key)
        await self.advance()
