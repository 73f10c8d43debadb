"""Changes of the state that no code asked for."""

from __future__ import annotations

import logging

from .journal import Journal
from .recorded_outcomes import RecordedOutcomes
from .step_request import kind_name


class RecordedChanges:
    """Applies the changes of the state that no code asked for, at their places in the recorded order."""

    def __init__(self, recorded: RecordedOutcomes, execution_id: str, logger: logging.Logger) -> None:
        self._recorded = recorded
        self._execution_id = execution_id
        self._logger = logger

    def apply_before_code(self, journal: Journal) -> None:
        """Applies those that belong to the outcome just delivered, or to the start. Call before the code goes on.

        Raises as `apply_next`.
        """
        while (change := self._recorded.next_numbered) is not None and change.is_before_code:
            self.apply_next(journal)

    def apply_next(self, journal: Journal) -> None:
        """Applies the next outcome, which is one.

        Raises NonDeterminismError if it does not fit the state that the code came to; StateValidationError if what comes of
        both must not be saved.
        """
        change = self._recorded.next_numbered
        if change is None:
            return
        self._recorded.advance()
        self._recorded.note_delivered(change.key)
        left_out = journal.change_aside(change)
        if left_out:
            message = "%s of execution %s names what is not there, and leaves it to the code that runs again: %s"
            self._logger.warning(message, kind_name(change.kind), self._execution_id, ", ".join(left_out))
