"""Whether code does on replay what it did before."""

from __future__ import annotations

from collections.abc import Callable

from .errors import NonDeterminismError
from .grace import Grace
from .recorded_outcomes import RecordedOutcomes
from .state.state_document import StateDocument
from .step_request import StepOutcome, is_state_change, kind_name
from .step_requests import StepRequests
from .timers import TimeSkipper

_PATIENCE = 10
"""Code that waits for recorded steps alone may be at I/O of its own beside them: how many graces it gets."""

_STATE = "state"


class ReplayCheck:
    """Watches that the code asks for what the record holds, and comes to the state that was recorded. Code that seems to
    differ gets a grace, because it may do I/O of its own between steps."""

    def __init__(
        self,
        *,
        requests: StepRequests,
        recorded: RecordedOutcomes,
        is_state_verified: bool,
        grace: float,
        ring: Callable[[], None],
        owner: object,
    ) -> None:
        """`is_state_verified`: whether there is no recorded state to compare with. `owner`: the code's, as its `Scope` says."""
        self._requests = requests
        self._recorded = recorded
        self._is_state_verified = is_state_verified
        self._grace = Grace(grace, ring)
        self._patience = Grace(grace * _PATIENCE, ring)
        self._ring = ring
        self._time = TimeSkipper(owner)

    @property
    def is_state_current(self) -> bool:
        """Whether the state is the execution's own, and not on its way there."""
        return self._is_state_verified and self._recorded.next_numbered is None

    def stop(self) -> None:
        """The code got on: whatever seemed missing may take its full time again."""
        self._grace.stop()
        self._patience.stop()

    def is_done(self, document: StateDocument, has_ended: bool) -> bool:
        """Call with idle code, when no recorded outcome can be delivered.

        Returns False while the code has to get somewhere first. Raises NonDeterminismError once it will not.
        """
        following = self._recorded.next_numbered
        if following is not None:
            self._expect_numbered(following, has_ended)
            return False
        if self._is_state_verified:
            return True
        # Idle without a pending step: the code does I/O of its own, and is not where it was at the commit.
        if not has_ended and self._requests.pending_count == 0:
            return False
        difference = document.difference_from_committed()
        if difference is None:
            self._is_state_verified = True
            self._grace.stop()
            return True
        if not self._grace.is_over(_STATE):
            return False
        place = "" if difference == "" else f' at "{difference}"'
        raise NonDeterminismError(f"the replay came to another state than the recorded one{place}")

    def expect_brought(self, has_ended: bool) -> None:
        """Call when the code waits for nothing but the server, or has ended, and an outcome that the server brought waits for
        code that asks for it.

        Raises NonDeterminismError once it will not.
        """
        brought = self._recorded.brought
        neglected = next((each for each in brought if self._requests.get(each.key) is None), None)
        if neglected is not None and (has_ended or self._grace.is_over(neglected)):
            raise _missing(neglected, has_ended)

    def _expect_numbered(self, following: StepOutcome, has_ended: bool) -> None:
        if has_ended:
            raise _missing(following, has_ended)
        if self._requests.get(following.key) is not None:
            # The record says that the code stopped waiting for it before anything else happened.
            if self._time.skip(following):
                self._ring()
            elif self._patience.is_over(following):
                message = f'the code stopped waiting for step "{following.key}" before, but waits for it now'
                raise NonDeterminismError(message, following.key)
        elif self._requests.pending_count > 0:
            grace = self._grace if self._requests.has_waiting else self._patience
            if not self._grace.is_over(following):
                return
            # It may be at a timer of its own, which had fired by then when it ran before.
            if self._time.skip(following):
                self._ring()
            elif grace.is_over(following):
                raise _missing(following, has_ended)


def _missing(outcome: StepOutcome, has_ended: bool) -> NonDeterminismError:
    instead = "ended" if has_ended else "asked for other steps"
    what = kind_name(outcome.kind) if is_state_change(outcome.kind) else f'step "{outcome.key}"'
    message = f"the record holds {what} next, but the code {instead} without asking for it"
    return NonDeterminismError(message, outcome.key)
