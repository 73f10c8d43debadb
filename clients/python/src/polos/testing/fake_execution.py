"""The server's side of one execution."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from .._gen.polos.v1 import command_pb2 as commands
from .._gen.polos.v1 import execution_pb2 as execution
from .._gen.polos.v1 import step_pb2 as step
from .._gen.polos.v1.failure_pb2 import Failure
from .._gen.polos.v1.payload_pb2 import Payload
from .._gen.polos.v1.step_pb2 import StepRecord
from .._gen.polos.v1.worker_service_pb2 import Assignment, CompleteStepRequest, CompleteStepResponse, Lease
from ..api_errors import LeaseLostError, ResultConflictError
from ..payload import from_payload, json_of, to_payload
from ..state.patch import PatchOperation
from ..time import duration_seconds
from .fake_records import FakeBatch, FakeChild, FakePublication, FakeResume, FakeWait
from .fake_state import FakeState

Hook = Callable[[CompleteStepRequest], "Awaitable[None] | None"]


class FakeExecution:
    """The server's side of one execution, for tests of the worker's side: it records what CompleteStep commits, as the
    protocol says, and nothing else. Every message goes through its binary form."""

    def __init__(self, payload: Any = None, initial_state: dict[str, Any] | None = None) -> None:
        self.execution_id = "00000000-0000-7000-8000-000000000001"
        self.workflow_id = "fake"
        self.parent: FakeExecution | None = None
        """The execution that started this one."""
        self.steps: list[StepRecord] = []
        self.commits: list[CompleteStepRequest] = []
        self.children: list[FakeChild] = []
        self.waits: list[FakeWait] = []
        self.batches: list[FakeBatch] = []
        self.resumes: list[FakeResume] = []
        self.published: list[FakePublication] = []
        self.status: int = execution.EXECUTION_STATUS_QUEUED
        self.result: Payload | None = None
        self.failure: Failure | None = None
        self.failed_attempts = 0
        self.max_retries: int | None = None
        """The retry policy's; None for the default."""
        self.cancel_requested = False
        self.before_commit: Hook = lambda request: None
        """Called before a commit is carried out; may raise what the server would answer, or a crash."""
        self.after_commit: Hook = lambda request: None
        """Called after a commit is carried out, before its answer; an error is a lost answer."""
        self._payload = payload if isinstance(payload, Payload) else to_payload(payload)
        self._initial_state = "" if initial_state is None else json.dumps(initial_state)
        self.history = FakeState(self._initial_state)
        """Its state, over time."""
        self._epoch = 0
        self._sequence = 0
        self._kept_steps = 0
        self._early: dict[str, Any] = {}

    @property
    def state(self) -> dict[str, Any]:
        """The state of the last commit."""
        state: dict[str, Any] = json.loads(self.history.text)
        return state

    @property
    def revisions(self) -> list[str]:
        """The state after each revision, as text; the first is revision 1."""
        return self.history.revisions

    @property
    def result_value(self) -> Any:
        """What the handler returned."""
        return from_payload(self.result)

    @property
    def _root(self) -> FakeExecution:
        return self if self.parent is None else self.parent._root

    def assign(self, *, to_keeper: bool = False) -> Assignment:
        """Gives the execution to a worker under a new lease: `to_keeper` if that is the one that keeps its code."""
        self._epoch += 1
        self._sequence = 0
        self.status = execution.EXECUTION_STATUS_RUNNING
        numbered = sorted((each for each in self.steps if each.sequence > 0), key=lambda each: each.sequence)
        others = [each for each in self.steps if each.sequence == 0]
        if not to_keeper:
            self._kept_steps = 0
        policy = None if self.max_retries is None else execution.RetryPolicy(max_retries=self.max_retries)
        assignment = Assignment(
            lease=Lease(execution_id=self.execution_id, epoch=self._epoch, token=f"token-{self._epoch}"),
            execution=execution.Execution(
                id=self.execution_id,
                workflow_id=self.workflow_id,
                parent_execution_id="" if self.parent is None else self.parent.execution_id,
                root_execution_id=self._root.execution_id,
                root_workflow_id=self._root.workflow_id,
                session_id="session",
                initial_state=self._initial_state,
                state_revision=len(self.revisions),
                state_version=self.history.version,
                failed_attempts=self.failed_attempts,
                payload=self._payload,
                retry_policy=policy,
            ),
            state=self.history.text,
            omitted_steps=self._kept_steps,
            steps=[*numbered[self._kept_steps :], *others],
            state_unsettled=self.history.is_unsettled,
            cancel_requested=self.cancel_requested,
        )
        return Assignment.FromString(assignment.SerializeToString())

    def bring(self, step_key: str, result: Any = None, failure: Failure | None = None) -> StepRecord:
        """The server has the outcome of a child, a wait, a batch or a resume: a result, or a failure."""
        pending = [each for each in self.steps if each.key == step_key and each.status == step.STEP_STATUS_PENDING]
        if not pending:
            raise LookupError(f'nothing waits under the key "{step_key}"')
        record = pending[0]
        if failure is not None:
            record.status = step.STEP_STATUS_FAILED
            record.failure.CopyFrom(failure)
        else:
            record.status = step.STEP_STATUS_COMPLETED
            payload = to_payload(result)
            if payload is not None:
                record.result.CopyFrom(payload)
        if self.status == execution.EXECUTION_STATUS_WAITING:
            self.status = execution.EXECUTION_STATUS_QUEUED
        return record

    def finish_batch_child(self, step_key: str, index: int, result: Any = None, failure: Failure | None = None) -> None:
        """Ends a child of a batch; the outcome is there with the last of them."""
        batch = next(each for each in self.batches if each.step_key == step_key)
        child_id, workflow_id = batch.children[index]
        ended: dict[str, Any] = {"workflowId": workflow_id, "executionId": child_id, "success": failure is None}
        if failure is not None:
            ended["error"] = {"type": failure.type, "message": failure.message}
        elif result is not None:
            ended["result"] = json.loads(json_of(to_payload(result)))
        batch.results[index] = ended
        if len(batch.results) == len(batch.children):
            self.bring(step_key, [batch.results[place] for place in range(len(batch.children))])

    def resume(self, step_key: str, data: Any = None) -> StepRecord | None:
        """Somebody resumes a step. Returns None if it does not wait yet."""
        if any(each.key == step_key for each in self.steps):
            return self.bring(step_key, data)
        self._early[step_key] = data
        return None

    def expire(self, step_key: str) -> StepRecord:
        """The timeout of a step that waits to be resumed, or for an event, has passed."""
        message = f'the step "{step_key}" was not resumed in time'
        return self.bring(step_key, failure=Failure(type="WaitTimeoutError", message=message))

    def repair(self, patch: Sequence[PatchOperation]) -> None:
        """An operator changes the state."""
        self._kept_steps = 0
        self.steps.append(self.history.repair(patch, self._placed() + 1))

    async def complete(self, request: CompleteStepRequest) -> CompleteStepResponse:
        """A worker's completion. See `CompletionPort`."""
        request = CompleteStepRequest.FromString(request.SerializeToString())
        await _settled(self.before_commit(request))
        if request.lease.epoch != self._epoch or self.status != execution.EXECUTION_STATUS_RUNNING:
            raise LeaseLostError("the lease is over")
        if request.sequence != self._sequence + 1:
            raise ResultConflictError("there is a gap")
        self._sequence = request.sequence
        first = request.commands[0].WhichOneof("command")
        is_code = first not in ("state_migrated", "execution_parked")
        if is_code:
            self.history.is_unsettled = request.state_unsettled
        self.commits.append(request)
        self._kept_steps = 0
        started = [record for command in request.commands for record in self._carry_out(command)]
        self.history.is_unsettled = self.history.is_unsettled or not (is_code or self.history.is_begun)
        self.history.is_begun = True
        await _settled(self.after_commit(request))
        answer = CompleteStepResponse(
            status=execution.ExecutionStatus.Name(self.status),
            state_revision=len(self.revisions),
            step_count=self._placed(),
            cancel_requested=self.cancel_requested,
            outcomes=[*started, *self._open_outcomes()],
        )
        return CompleteStepResponse.FromString(answer.SerializeToString())

    def _carry_out(self, command: commands.Command) -> Sequence[StepRecord]:
        """Returns the outcomes that are in the answer."""
        name = command.WhichOneof("command")
        carry_out = getattr(self, f"_{name}", None)
        if carry_out is None:
            raise ResultConflictError(f"unexpected command {name}")
        answered: Sequence[StepRecord] | None = carry_out(getattr(command, str(name)))
        return answered or ()

    def _step_completed(self, completed: commands.StepCompleted) -> None:
        result = completed.result if completed.HasField("result") else None
        self._record(
            key=completed.step_key,
            kind=completed.kind,
            status=step.STEP_STATUS_COMPLETED,
            state_patch=completed.state_patch,
            attempts=completed.attempts,
            result=result,
        )

    def _step_failed(self, failed: commands.StepFailed) -> None:
        self._record(
            key=failed.step_key,
            kind=failed.kind,
            status=step.STEP_STATUS_FAILED,
            attempts=failed.attempts,
            failure=failed.failure,
        )

    def _child_started(self, child: commands.ChildStarted) -> Sequence[StepRecord]:
        child_id = self._note_child(child.step_key, child, child.wait)
        if child.wait:
            return [self._pend(child.step_key, step.STEP_KIND_INVOKE_AND_WAIT, child_execution_id=child_id)]
        record = self._record(
            key=child.step_key,
            kind=step.STEP_KIND_INVOKE,
            status=step.STEP_STATUS_COMPLETED,
            child_execution_id=child_id,
            result=to_payload(child_id),
        )
        return [record]

    def _children_started(self, batch: commands.ChildrenStarted) -> Sequence[StepRecord]:
        named = [(self._note_child(batch.step_key, child, batch.wait), child.workflow_id) for child in batch.children]
        if batch.wait:
            self.batches.append(FakeBatch(batch.step_key, named))
            return [self._pend(batch.step_key, step.STEP_KIND_BATCH_INVOKE_AND_WAIT)]
        record = self._record(
            key=batch.step_key,
            kind=step.STEP_KIND_BATCH_INVOKE,
            status=step.STEP_STATUS_COMPLETED,
            result=to_payload([child_id for child_id, _ in named]),
        )
        return [record]

    def _resume_sent(self, sent: commands.ResumeSent) -> None:
        data = from_payload(sent.data if sent.HasField("data") else None)
        self.resumes.append(FakeResume(sent.step_key, sent.execution_id, sent.suspended_step_key, data))
        self._pend(sent.step_key, step.STEP_KIND_RESUME)

    def _event_published(self, event: commands.EventPublished) -> Sequence[StepRecord]:
        data = from_payload(event.data if event.HasField("data") else None)
        self.published.append(FakePublication(event.step_key, event.type, data, event.topic or None))
        kind = step.STEP_KIND_PUBLISH_EVENT
        return [self._record(key=event.step_key, kind=kind, status=step.STEP_STATUS_COMPLETED)]

    def _timer_awaited(self, timer: commands.TimerAwaited) -> None:
        if timer.HasField("delay") == timer.HasField("fire_time"):
            raise ResultConflictError("not one time")
        delay = duration_seconds(timer.delay) if timer.HasField("delay") else None
        fire_time = timer.fire_time.ToMicroseconds() / 1e6 if timer.HasField("fire_time") else None
        self.waits.append(FakeWait(timer.step_key, delay=delay, fire_time=fire_time))
        self._pend(timer.step_key, step.STEP_KIND_WAIT_FOR)

    def _resume_awaited(self, wait: commands.ResumeAwaited) -> None:
        data = from_payload(wait.data if wait.HasField("data") else None)
        timeout = duration_seconds(wait.timeout) if wait.HasField("timeout") else None
        self.waits.append(FakeWait(wait.step_key, data=data, timeout=timeout))
        self._pend(wait.step_key, step.STEP_KIND_SUSPEND)
        if wait.step_key in self._early:
            self.bring(wait.step_key, self._early[wait.step_key])

    def _event_awaited(self, wait: commands.EventAwaited) -> None:
        timeout = duration_seconds(wait.timeout) if wait.HasField("timeout") else None
        self.waits.append(FakeWait(wait.step_key, topic=wait.topic, cursor=wait.cursor or None, timeout=timeout))
        self._pend(wait.step_key, step.STEP_KIND_WAIT_FOR_EVENT)

    def _outcome_accepted(self, accepted: commands.OutcomeAccepted) -> None:
        for record in self._open_outcomes():
            if record.key == accepted.step_key:
                record.sequence = self._placed() + 1
                return
        raise ResultConflictError(f'no outcome of "{accepted.step_key}" is to be accepted')

    def _state_changed(self, changed: commands.StateChanged) -> None:
        self.history.change(changed)

    def _state_migrated(self, migration: commands.StateMigrated) -> Sequence[StepRecord]:
        record = self.history.migrate(migration, self._placed() + 1)
        self.steps.append(record)
        return [record]

    def _execution_parked(self, parked: commands.ExecutionParked) -> None:
        self.failure = parked.failure
        self.status = execution.EXECUTION_STATUS_PAUSED

    def _execution_completed(self, completed: commands.ExecutionCompleted) -> None:
        self.status = execution.EXECUTION_STATUS_COMPLETED
        self.result = completed.result if completed.HasField("result") else None

    def _execution_failed(self, failed: commands.ExecutionFailed) -> None:
        self.failure = failed.failure
        self.failed_attempts += 1
        retried = failed.failure.retryable
        self.status = execution.EXECUTION_STATUS_QUEUED if retried else execution.EXECUTION_STATUS_FAILED

    def _execution_suspended(self, suspended: commands.ExecutionSuspended) -> None:
        is_pending = any(each.status == step.STEP_STATUS_PENDING for each in self.steps)
        has_outcome = bool(self._open_outcomes())
        if not is_pending and not has_outcome:
            raise ResultConflictError("no step is pending")
        if has_outcome:
            return
        self.status = execution.EXECUTION_STATUS_WAITING
        if suspended.kept:
            self._kept_steps = self._placed()

    def _execution_cancelled(self, _: commands.ExecutionCancelled) -> None:
        self.status = execution.EXECUTION_STATUS_CANCELLED

    def _note_child(
        self, step_key: str, child: commands.ChildStarted | commands.ChildrenStarted.Child, wait: bool
    ) -> str:
        payload = from_payload(child.payload if child.HasField("payload") else None)
        state = None if child.initial_state == "" else json.loads(child.initial_state)
        self.children.append(FakeChild(step_key, child.workflow_id, payload, state, wait))
        return f"child-{len(self.children)}"

    def _pend(self, key: str, kind: step.StepKind, **fields: Any) -> StepRecord:
        return self._record(key=key, kind=kind, status=step.STEP_STATUS_PENDING, sequence=0, **fields)

    def _record(self, *, key: str, **fields: Any) -> StepRecord:
        if any(each.key == key for each in self.steps):
            raise ResultConflictError(f'"{key}" is recorded already')
        record = StepRecord(key=key, **{"sequence": self._placed() + 1, **fields})
        self.steps.append(record)
        return record

    def _open_outcomes(self) -> list[StepRecord]:
        pending = step.STEP_STATUS_PENDING
        return [each for each in self.steps if each.sequence == 0 and each.status != pending]

    def _placed(self) -> int:
        """How many outcomes have a place in the order."""
        return sum(each.sequence > 0 for each in self.steps)


async def _settled(answer: Awaitable[None] | None) -> None:
    if answer is not None:
        await answer
