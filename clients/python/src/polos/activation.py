"""One handler at work on one execution."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from . import commands
from ._gen.polos.v1 import execution_pb2 as pb
from ._gen.polos.v1.command_pb2 import Command
from ._gen.polos.v1.step_pb2 import StepRecord
from ._gen.polos.v1.worker_service_pb2 import Assignment, CompleteStepResponse, Lease
from .activation_options import ActivationEnd, ActivationOptions, Work
from .api_errors import LeaseLostError
from .cancellation import Cancellation
from .context import WorkflowContext
from .errors import NonDeterminismError, StateMigrationError, WorkflowCancelledError
from .failure import to_failure
from .handler_task import Ending, HandlerTask
from .hook_steps import HookedHandler, HookSurroundings
from .journal import CommitRefusal, Journal
from .lease_holder import LeaseHolder, lease_of
from .recorded_changes import RecordedChanges
from .recorded_outcomes import RecordedOutcomes
from .replay_check import ReplayCheck
from .scope import Scope
from .state_opening import bring_up_to_date, open_state
from .step_attempt import StepSurroundings
from .step_request import StepOutcome, StepRequest, is_state_change, was_abandoned
from .step_requests import StepRequests, StepRequestsListener
from .step_runner import StepRunner
from .steps import Steps
from .timers import own_timers
from .turn import Bell, turn
from .workflow_values import read_payload


class Activation:
    """One handler at work on one execution, under a lease.

    Everything happens in turns. A turn lets the code run until it is idle (see `turn`). Then the activation does the first of
    these that it can, and takes another turn:

    1. deliver the next recorded outcome (replay);
    2. compare the rebuilt state with the recorded one, once, when the record is used up;
    3. deliver one outcome that the server brought, or one of a step that ran here;
    4. commit what was delivered since the last commit, with the state's change, the children and waits asked for and, if the
       handler is done, its end; wait for the acknowledgement;
    5. start the functions of the steps asked for;
    6. suspend, if only the server can bring what the code waits for;
    7. wait for something to happen.

    So the code gets outcomes one at a time, in the order in which they are recorded, live and on replay alike; one commit is
    in flight at a time; and no function starts before everything that its code has seen is durable.
    """

    def __init__(self, options: ActivationOptions) -> None:
        assignment = options.assignment
        lease = lease_of(assignment)
        self.execution_id: str = lease.execution_id
        self._options = options
        self._cancellation = Cancellation()
        self._bell = Bell()
        self._lease_holder = LeaseHolder(options.port, lease, options.lease_ms / 1_000, options.received_at)
        listener = StepRequestsListener(self._bell.ring, self._note_contradiction, self._note_abandoned)
        self._requests = StepRequests(self.execution_id, listener)
        self._recorded = RecordedOutcomes()
        for record in options.steps:
            if not is_state_change(record.kind):
                self._requests.record(record.key, record.kind)
        self._recorded.add(options.steps)
        config, logger = options.workflow.config, options.logger
        self._changes = RecordedChanges(self._recorded, execution_id=self.execution_id, config=config, logger=logger)
        self._changes.add(options.steps)
        is_first_run = not options.steps and assignment.execution.state_revision <= 1
        self._check = ReplayCheck(
            requests=self._requests,
            recorded=self._recorded,
            is_state_verified=is_first_run or assignment.state_unsettled,
            grace=options.grace,
            ring=self._bell.ring,
            owner=self,
        )
        self._work: Work | None = None
        self._handler: HookedHandler | None = None
        self._task: HandlerTask | None = None
        self._contradiction: NonDeterminismError | None = None
        self._is_cancelled = False
        self._is_dropped = False

    @property
    def lease(self) -> Lease:
        """The lease that it holds, or held last."""
        return self._lease_holder.lease

    @property
    def steps_seen(self) -> int:
        """How many outcomes its code has. It does not change while it is suspended."""
        return self._recorded.delivered_count

    async def run(self) -> ActivationEnd:
        """Runs until the execution is closed, suspended or lost. After `suspended`, `resume` and then `run` go on."""
        end: ActivationEnd = "dropped" if self._is_dropped else await self._run_until_end()
        self._check.stop()
        if end != "suspended":
            self._stop(RuntimeError("the execution is over on this worker"))
        return end

    def resume(self, assignment: Assignment, steps: Sequence[StepRecord], received_at: float) -> bool:
        """Takes a suspended activation up again under a new lease.

        Returns False if the record is not what the code has seen: then a new activation must replay it.
        """
        is_same = (
            self._work is not None
            and not self._is_dropped
            and not assignment.cancel_requested
            and assignment.execution.state_revision == self._work.journal.document.revision
            and self._recorded.matches(steps, assignment.omitted_steps)
        )
        if is_same:
            self._lease_holder.renew(lease_of(assignment), received_at)
            self._recorded.add(steps)
        return is_same

    def bring(self, records: Sequence[StepRecord]) -> None:
        """Takes outcomes that the server brought while the lease is held. Repeated ones change nothing."""
        self._recorded.add(records)
        self._bell.ring()

    def confirm(self, sent_at: float) -> None:
        """Takes note that the server said the lease is held, in answer to what was sent then."""
        self._lease_holder.confirm(sent_at)
        self._bell.ring()

    def cancel(self) -> None:
        """Somebody asked to cancel the execution: `ctx.cancel_event` is set, what the code waits for raises
        WorkflowCancelledError, async functions of steps are cancelled, and no further function starts. It ends when the
        handler and all functions have."""
        if self._is_cancelled or self._is_dropped:
            return
        self._is_cancelled = True
        self._cancellation.set(WorkflowCancelledError(self.execution_id))
        self._requests.cancel()
        if self._work is not None:
            self._work.runner.cancel()
        self._bell.ring()

    def drop(self) -> None:
        """The lease is over: nothing is committed any more.

        The code is stopped as asyncio stops tasks: CancelledError where it waits, so that locks are released and nothing is
        left behind. What it does on its way out (`finally`, `except`) has no effect on the execution.
        """
        if self._is_dropped:
            return
        self._is_dropped = True
        self._stop(RuntimeError("this worker no longer holds the execution"))
        self._bell.ring()

    async def when_still(self) -> None:
        """Returns once no function of a step runs any more."""
        if self._work is not None:
            await self._work.runner.when_idle()

    @property
    def _ending(self) -> Ending | None:
        """How the handler ended, if it has; one that was cancelled before it began has."""
        return Ending() if self._task is None else self._task.ending

    async def _run_until_end(self) -> ActivationEnd:
        try:
            self._work = self._work or await self._begin()
        except Exception as error:
            return await self._fail_unopened(error)
        while True:
            await turn(self)
            self._bell.reset()
            end = None if self._is_dropped else await self._advance(self._work)
            if self._is_dropped:
                return "dropped"
            if end is not None:
                return end

    async def _advance(self, work: Work) -> ActivationEnd | None:
        """Does the first thing that can be done. Returns None to take another turn."""
        journal, runner = work
        try:
            if self._contradiction is not None:
                raise self._contradiction
            if self._is_cancelled:
                return await self._advance_cancelled(journal, runner)
            if self._deliver_numbered(journal):
                return None
            if not self._check.is_done(journal.document, self._ending is not None):
                await self._bell.wait()
                return None
            if self._deliver_one(journal, runner):
                return None
            return await self._commit_or_start(journal, runner)
        except Exception as error:
            return await self._fail(journal, error)

    async def _begin(self) -> Work:
        options = self._options
        assignment, workflow = options.assignment, options.workflow
        execution, config = assignment.execution, workflow.config
        payload = execution.payload if execution.HasField("payload") else None
        if workflow.takes_payload:
            read_payload(config, payload)
        recorded, response = await bring_up_to_date(assignment, config, self._lease_holder)
        if response is not None:
            self._changes.add(response.outcomes)
            if self._note(response) is not None:
                raise CommitRefusal(LeaseLostError("the lease is over"))
        document = open_state(execution.initial_state, recorded, config, self._changes.first_migration)
        ctx: WorkflowContext[Any] = WorkflowContext(
            execution,
            owner=self,
            document=document,
            step=Steps(self._requests.ask, document, options.clock),
            cancel_event=self._cancellation,
            deployment_id=options.deployment_id,
        )
        bytes_max = options.payload_bytes_max
        journal = Journal(document, self._lease_holder)
        if assignment.cancel_requested:
            self.cancel()
        else:
            self._changes.apply_before_code(journal)
            is_recorded = self._requests.is_recorded
            self._handler = HookedHandler(HookSurroundings(workflow, execution, bytes_max, options.logger, is_recorded))
            self._task = HandlerTask(Scope(self, self.execution_id), self._handler.run(ctx, payload), self._bell.ring)
        # A long history should not stay in memory twice.
        self._options = replace(options, assignment=Assignment(), steps=())
        held = self._lease_holder.until_held
        around = StepSurroundings(self, self.execution_id, document, self._cancellation, bytes_max, options.pause, held)
        return Work(journal, StepRunner(around, self._bell.ring))

    def _deliver_numbered(self, journal: Journal) -> bool:
        """Returns whether an outcome was delivered."""
        following = self._recorded.next_numbered
        if following is not None and is_state_change(following.kind):
            if self._ending is not None or self._requests.pending_count == 0:
                return False
            self._check.stop()
            self._changes.apply_next(journal)
            return True
        request = None if following is None else self._requests.get(following.key)
        if following is None or request is None or (was_abandoned(following) and not request.is_abandoned):
            return False
        self._check.stop()
        self._recorded.advance()
        self._deliver(journal, following)
        self._changes.apply_before_code(journal)
        return True

    def _deliver_one(self, journal: Journal, runner: StepRunner) -> bool:
        """Delivers one outcome that the server brought, or one of a step that ran here."""
        if self._ending is not None or journal.is_full:
            return False
        brought = self._recorded.take_brought(lambda outcome: self._requests.get(outcome.key) is not None)
        if brought is not None:
            journal.accept(brought)
            self._deliver(journal, brought)
            return True
        finished = runner.take()
        if finished is None:
            return False
        self._deliver(journal, journal.record(self._requests.as_wanted(finished)))
        return True

    def _deliver(self, journal: Journal, outcome: StepOutcome) -> None:
        request = self._requests.get(outcome.key)
        if request is not None:
            journal.merge(outcome, is_rehearsal=self._changes.is_rehearsal)
            self._recorded.note_delivered(outcome.key)
            self._requests.deliver(request, outcome)

    async def _commit_or_start(self, journal: Journal, runner: StepRunner) -> ActivationEnd | None:
        if self._ending is not None:
            return await self._commit_ending(journal, self._ending)
        journal.ask_server(self._requests)
        is_still = not runner.is_busy and not runner.has_finished and self._requests.awaits_only_server
        timers = own_timers(self) if is_still else []
        # Its own timers fire here only: a timeout around a wait would never come to an end elsewhere.
        can_suspend = is_still and not self._recorded.brought and not timers
        if not journal.is_empty or can_suspend:
            last: list[Command] = [commands.execution_suspended(self._options.is_kept())] if can_suspend else []
            end = self._note(await journal.commit(last, is_unsettled=self._requests.pending_count == 0))
            # Nothing of that ended it: somebody took it from this worker.
            return "dropped" if end == "closed" else end
        if self._requests.has_waiting:
            if self._lease_holder.is_surely_held:
                for request in self._requests.take_waiting():
                    runner.start(request)
                return None
            # The next heartbeat says whether the lease is still held, and rings.
        elif is_still:
            self._check.expect_brought(False)
        await self._bell.wait(until=timers[0].when() if timers else None)
        return None

    async def _commit_ending(self, journal: Journal, ending: Ending) -> ActivationEnd | None:
        if ending.error is not None:
            return await self._fail(journal, ending.error)
        self._check.expect_brought(True)
        if not journal.ask_server(self._requests, only_answered=True):
            return self._note(await journal.commit([], is_unsettled=True))
        if keys := self._requests.take_forgotten():
            message = "execution %s ended without waiting for the steps %s: they did not run. Is an await missing?"
            self._options.logger.warning(message, self.execution_id, keys)
        return self._note(await journal.commit([commands.execution_completed(ending.result)], is_unsettled=False))

    async def _advance_cancelled(self, journal: Journal, runner: StepRunner) -> ActivationEnd | None:
        if self._ending is None or runner.is_busy:
            await self._bell.wait()
            return None
        while (outcome := runner.take()) is not None:
            journal.record_undelivered(outcome)
        last, with_state = [commands.execution_cancelled()], self._check.is_state_current
        return self._note(await journal.commit(last, is_unsettled=False, with_state=with_state))

    async def _fail(self, journal: Journal, error: BaseException) -> ActivationEnd:
        """Ends this attempt with an error: the handler's, or one that the handler must not go on after."""
        if isinstance(error, CommitRefusal) and error.is_final:
            return self._lost(error)
        is_changed = isinstance(error, NonDeterminismError)
        # Who changed the state meant well by the execution: other code, or another change, may let it go on.
        if isinstance(error, StateMigrationError) or (is_changed and not self._changes.is_empty):
            return await self._park(error)
        # What the handler failed with, before its on_end hooks ran into this.
        first = None if is_changed or self._handler is None else self._handler.failure
        failure = first or to_failure(error.cause if isinstance(error, CommitRefusal) else error)
        with_state = self._check.is_state_current and not is_changed
        # The second time only the failure itself is sent: what the server refused was something beside it.
        for is_second in (False, True):
            try:
                return self._note(await journal.fail(failure, with_state=with_state)) or "closed"
            except CommitRefusal as refusal:
                if is_second or refusal.is_final:
                    return self._lost(refusal)
        raise AssertionError

    async def _fail_unopened(self, error: Exception) -> ActivationEnd:
        """Ends an attempt of an execution whose payload or state could not be read, so that there is no journal."""
        if isinstance(error, CommitRefusal):
            return self._lost(error)
        if isinstance(error, StateMigrationError):
            return await self._park(error)
        return await self._end_with(commands.execution_failed(to_failure(error)), is_unsettled=True)

    async def _park(self, error: BaseException) -> ActivationEnd:
        """Has an execution held back whose state does not fit the code."""
        self._options.logger.error("execution %s is held back: %s", self.execution_id, error)
        return await self._end_with(commands.execution_parked(to_failure(error)), is_unsettled=False)

    async def _end_with(self, command: Command, *, is_unsettled: bool) -> ActivationEnd:
        try:
            return self._note(await self._lease_holder.complete([command], is_unsettled)) or "closed"
        except Exception as refused:
            return self._lost(CommitRefusal(refused))

    def _lost(self, refusal: CommitRefusal) -> ActivationEnd:
        self.drop()
        level = logging.INFO if refusal.is_final else logging.ERROR
        message = "execution %s stops on this worker: %s: %s"
        self._options.logger.log(level, message, self.execution_id, type(refusal.cause).__name__, refusal.cause)
        return "dropped"

    def _note(self, response: CompleteStepResponse) -> ActivationEnd | None:
        """Takes what the answer to a commit says. Returns how the activation ends with it, if it does."""
        self._recorded.add(response.outcomes)
        if response.status == pb.EXECUTION_STATUS_WAITING:
            return "suspended"
        if response.status != pb.EXECUTION_STATUS_RUNNING:
            return "closed"
        if response.cancel_requested:
            self.cancel()
        return None

    def _note_contradiction(self, error: NonDeterminismError) -> None:
        self._contradiction = self._contradiction or error
        self._bell.ring()

    def _note_abandoned(self, request: StepRequest) -> None:
        if self._work is not None:
            self._work.runner.cancel_step(request)
        self._bell.ring()

    def _stop(self, reason: Exception) -> None:
        """Ends what is left of the code."""
        self._cancellation.set(reason)
        self._requests.abandon()
        if self._work is not None:
            self._work.runner.cancel()
        if self._task is not None:
            self._task.cancel()
