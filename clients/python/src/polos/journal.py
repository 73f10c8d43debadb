"""What is to be committed next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ._gen.polos.v1.command_pb2 import Command
from ._gen.polos.v1.failure_pb2 import Failure
from ._gen.polos.v1.worker_service_pb2 import CompleteStepResponse
from .api_errors import AccessDeniedError, ExecutionClosedError, LeaseLostError, NotFoundError
from .commands import execution_failed, outcome_accepted, state_changed, step_finished
from .errors import NonDeterminismError
from .lease_holder import LeaseHolder
from .payload import to_payload
from .state.patch import PatchMismatch
from .state.state_document import StateChange, StateDocument
from .step_request import StepOutcome, is_brought_by_server, kind_name
from .step_requests import StepRequests

_COMMANDS_MAX = 500
"""When to commit although more could be delivered. The server takes 1,000 commands."""
_BYTES_MAX = 512 * 1024


class CommitRefusal(Exception):
    """The server refused a commit: nothing of it has happened. `cause` is the typed error of its answer."""

    def __init__(self, cause: Exception) -> None:
        super().__init__("the server refused a commit")
        self.cause = cause
        self.__cause__ = cause

    @property
    def is_final(self) -> bool:
        """Whether nothing of this lease will be accepted any more."""
        return isinstance(self.cause, (LeaseLostError, ExecutionClosedError, NotFoundError, AccessDeniedError))


class Journal:
    """Collects what is to be committed next, and commits it together with what changed in the state."""

    def __init__(self, document: StateDocument, lease_holder: LeaseHolder) -> None:
        self.document = document
        self._lease_holder = lease_holder
        self._commands: list[Command] = []
        self._bytes = 0
        self._is_answered = False
        self._is_refused = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be committed."""
        return not self._commands

    @property
    def is_full(self) -> bool:
        """Whether the next commit has grown large enough."""
        return len(self._commands) >= _COMMANDS_MAX or self._bytes >= _BYTES_MAX

    def record(self, outcome: StepOutcome) -> StepOutcome:
        """Adds the outcome of a step that ran here.

        Returns the outcome to deliver: a failure instead, if the step's changes of the state conflict with others. Raises
        StateValidationError if its changes cannot be saved.
        """
        if outcome.state_refusal is not None:
            raise outcome.state_refusal
        base, patch = outcome.state_base, outcome.state_patch
        conflict = self.document.conflict(patch, base) if base is not None and patch != "" else None
        settled = outcome if conflict is None else _conflicting(outcome, conflict)
        self._add(step_finished(settled))
        return settled

    def record_undelivered(self, outcome: StepOutcome) -> None:
        """Adds the outcome of a step whose code is gone; its changes of the state go with it."""
        if outcome.state_refusal is None:
            self._add(step_finished(replace(outcome, state_patch="")))

    def accept(self, outcome: StepOutcome) -> None:
        """Gives an outcome that the server brought its place in the order."""
        self._add(outcome_accepted(outcome.key))

    def merge(self, outcome: StepOutcome, *, is_rehearsal: bool) -> None:
        """Applies what a step's function changed in the state, as its outcome is delivered; in a rehearsal as far as it fits.

        Raises NonDeterminismError if the recorded change does not fit the state that the code came to; StateValidationError
        if what comes of both must not be saved.
        """
        if outcome.state_patch == "":
            return
        try:
            if is_rehearsal:
                self.document.rehearse(outcome.state_patch)
            else:
                self.document.apply(outcome.state_patch)
        except PatchMismatch as error:
            message = f'what step "{outcome.key}" changed in the state does not fit it: {error}'
            raise NonDeterminismError(message, outcome.key) from None

    def change_aside(self, change: StepOutcome, *, is_rehearsal: bool) -> list[str]:
        """Applies a change of the state that no code asked for.

        Returns the places that it names and that are not there (any more, or yet): what it says of them was left out. Raises
        NonDeterminismError if it does not fit the state that the code came to; StateValidationError if what comes of both must
        not be saved.
        """
        if is_rehearsal:
            self.document.rehearse(change.state_patch)
            return []
        try:
            return self.document.change_aside(change.state_patch, change.is_before_code)
        except PatchMismatch as error:
            raise NonDeterminismError(f"{kind_name(change.kind)} does not fit the state: {error}", "") from None

    def ask_server(self, requests: StepRequests, *, only_answered: bool = False) -> bool:
        """Adds what the code asked of the server: children to start, waits to begin, events to publish; if asked for, only
        that of which the outcome is in the answer.

        Returns False if some of it did not fit, and has to wait for the next commit.
        """
        is_all = True

        def is_wanted(command: Command) -> bool:
            nonlocal is_all
            is_all = self.is_empty or (not self.is_full and self._bytes + command.ByteSize() <= _BYTES_MAX)
            return is_all

        while True:
            request = requests.take_for_server(only_answered=only_answered, is_wanted=is_wanted)
            if request is None or request.command is None:
                return is_all
            if not is_brought_by_server(request.kind):
                self._is_answered = True
            self._add(request.command)

    async def commit(
        self, last: Sequence[Command], *, is_unsettled: bool, with_state: bool = True
    ) -> CompleteStepResponse:
        """Commits all that was added, what changed in the state, and the last commands.

        - `is_unsettled`: whether the code may still be on its way to another state without a step's outcome.
        - `with_state`: whether to save what changed in the state.

        Raises StateValidationError, StateSizeError if the state must not be saved; CommitRefusal if the server refused.
        """
        change = self.document.change() if with_state else None
        # Outcomes that come with the answer, of children that nobody waits for and of events, come after the state was taken.
        return await self._send(last, change, is_unsettled or self._is_answered)

    async def fail(self, failure: Failure, *, with_state: bool) -> CompleteStepResponse:
        """Ends this attempt of the handler. The state is saved if it may be; otherwise a step that changed it is not recorded
        either, nor what came after it. Once the server has refused a commit, nothing but the failure is sent.

        Raises CommitRefusal if the server refused.
        """
        if self._is_refused:
            self._commands = []
            return await self._send([execution_failed(failure)], None, True)
        change = None
        try:
            if not with_state:
                self._forget_changes()
            else:
                change = self.document.change()
        except (
            Exception
        ):  # The failure that is being committed matters more than why the state cannot be saved with it.
            self._forget_changes()
        return await self._send([execution_failed(failure)], change, failure.retryable)

    async def _send(
        self, last: Sequence[Command], change: StateChange | None, is_unsettled: bool
    ) -> CompleteStepResponse:
        commands = self._commands if change is None else [*self._commands, state_changed(change)]
        try:
            response = await self._lease_holder.complete([*commands, *last], is_unsettled)
        except Exception as error:
            self._is_refused = True
            raise CommitRefusal(error) from error
        self.document.committed(change, response.state_revision)
        self._commands = []
        self._bytes = 0
        self._is_answered = False
        return response

    def _forget_changes(self) -> None:
        """Without its change of the state, no step that has one may be recorded; nor what was delivered after it."""
        for index, command in enumerate(self._commands):
            if command.HasField("step_completed") and command.step_completed.state_patch:
                del self._commands[index:]
                return

    def _add(self, command: Command) -> None:
        self._commands.append(command)
        self._bytes += command.ByteSize()


def _conflicting(outcome: StepOutcome, path: str) -> StepOutcome:
    advice = "change the state after the await of the step instead"
    message = f'the step\'s function changed "{path}" of the state, which another branch changed too; {advice}'
    failure = Failure(
        type="StateConflictError", message=message, step_key=outcome.key, details=to_payload({"path": path})
    )
    return replace(outcome, result=None, state_patch="", failure=failure)
