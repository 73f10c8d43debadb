"""Changes of the state that no code asked for."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from ._gen.polos.v1 import step_pb2 as step
from ._gen.polos.v1.step_pb2 import StepRecord
from .errors import StateMigrationError, StateValidationError
from .journal import Journal
from .migrations import migrated, migrated_document
from .recorded_outcomes import RecordedOutcomes
from .step_request import StepOutcome, is_state_change, kind_name
from .workflow import WorkflowConfig


class RecordedChanges:
    """Applies the changes of the state that no code asked for, at their places in the recorded order."""

    def __init__(
        self, recorded: RecordedOutcomes, *, execution_id: str, config: WorkflowConfig, logger: logging.Logger
    ) -> None:
        self._recorded = recorded
        self._execution_id = execution_id
        self._config = config
        self._logger = logger
        self._is_empty = True
        self._first_migration: StepRecord | None = None
        self._migrations_left = 0

    def add(self, records: Sequence[StepRecord]) -> None:
        """Takes note of what the record holds."""
        if any(is_state_change(record.kind) for record in records):
            self._is_empty = False
        migrations = [record for record in records if record.kind == step.STEP_KIND_STATE_MIGRATION]
        if migrations and self._first_migration is None:
            self._first_migration = migrations[0]
        self._migrations_left += len(migrations)

    @property
    def first_migration(self) -> StepRecord | None:
        """The record of the first migration; None if the state was never migrated."""
        return self._first_migration

    @property
    def is_empty(self) -> bool:
        """Whether the record holds none."""
        return self._is_empty

    @property
    def is_rehearsal(self) -> bool:
        """Whether a migration is to come, so that the code runs on a rehearsal of the state: what changed it in another form
        is applied as far as it fits, and the migration's place makes good for the rest."""
        return self._migrations_left > 0

    def apply_before_code(self, journal: Journal) -> None:
        """Applies those that belong to the outcome just delivered, or to the start. Call before the code goes on.

        Raises as `apply_next`.
        """
        while (change := self._recorded.next_numbered) is not None and change.is_before_code:
            self.apply_next(journal)

    def apply_next(self, journal: Journal) -> None:
        """Applies the next outcome, which is one.

        Raises NonDeterminismError if it does not fit the state that the code came to; StateMigrationError;
        StateValidationError if what comes of both must not be saved.
        """
        change = self._recorded.next_numbered
        if change is None:
            return
        self._recorded.advance()
        self._recorded.note_delivered(change.key)
        if change.kind == step.STEP_KIND_STATE_MIGRATION:
            self._migrate(journal, change)
        else:
            self._repair(journal, change)

    def _migrate(self, journal: Journal, change: StepOutcome) -> None:
        """The form that the migration made may have been migrated further since, as is the code."""
        self._migrations_left -= 1
        start, end = change.to_state_version or 1, self._config.state_version
        document = migrated(self._config.migrate, migrated_document(change.state_patch), start, end)
        try:
            journal.document.become(document)
        except StateValidationError as error:
            raise StateMigrationError(end, f"the state of version {end} is refused: {error}") from error

    def _repair(self, journal: Journal, change: StepOutcome) -> None:
        left_out = journal.change_aside(change, is_rehearsal=self.is_rehearsal)
        if left_out and not self.is_rehearsal:
            message = "%s of execution %s names what is not there, and leaves it to the code that runs again: %s"
            self._logger.warning(message, kind_name(change.kind), self._execution_id, ", ".join(left_out))
