"""The outcomes that the server gave."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ._gen.polos.v1 import step_pb2 as step
from ._gen.polos.v1.step_pb2 import StepRecord
from .step_request import StepOutcome, from_record


class RecordedOutcomes:
    """The outcomes that the server gave, in the order in which the code gets them: those with a sequence first, in its
    order, then those that the server brought, in the order given."""

    def __init__(self) -> None:
        self._given: set[str | int] = set()
        """Keys with an outcome that was given once, which the server may repeat; of changes of the state the sequence."""
        self._numbered: list[StepOutcome] = []
        self._position = 0
        self._brought: list[StepOutcome] = []
        self._delivered: list[str] = []
        """Keys whose outcome the code has, in order of delivery; empty for changes of the state."""

    def add(self, records: Sequence[StepRecord]) -> None:
        """Adds outcomes. Steps that have none yet, and outcomes given before, are skipped."""
        for record in records:
            is_pending = record.status not in (step.STEP_STATUS_COMPLETED, step.STEP_STATUS_FAILED)
            name = record.key or record.sequence
            if is_pending or name in self._given:
                continue
            self._given.add(name)
            (self._numbered if record.sequence > 0 else self._brought).append(from_record(record))

    @property
    def next_numbered(self) -> StepOutcome | None:
        """The next outcome in the recorded order, until all of those are delivered."""
        return self._numbered[self._position] if self._position < len(self._numbered) else None

    def note_delivered(self, key: str) -> None:
        """Takes note that the code has an outcome, from here or from the record."""
        self._given.add(key)
        self._delivered.append(key)

    @property
    def delivered_count(self) -> int:
        """How many outcomes the code has."""
        return len(self._delivered)

    def advance(self) -> None:
        """Goes on to the next numbered outcome."""
        self._position += 1
        if self._position == len(self._numbered):
            self._numbered = []
            self._position = 0

    @property
    def brought(self) -> Sequence[StepOutcome]:
        """Outcomes that the server brought and the code does not have yet."""
        return self._brought

    def take_brought(self, is_asked: Callable[[StepOutcome], bool]) -> StepOutcome | None:
        """Takes the first brought outcome that the code asked for."""
        for index, outcome in enumerate(self._brought):
            if is_asked(outcome):
                return self._brought.pop(index)
        return None

    def matches(self, steps: Sequence[StepRecord], omitted: int) -> bool:
        """Whether an execution's steps begin with exactly the outcomes that the code has, so that it can go on where it is.

        `omitted`: how many the server left out before `steps`, because it has them from this worker: they only count.
        """
        numbered = [record.key for record in steps if record.sequence > 0]
        return self._delivered[omitted:] == numbered and omitted <= len(self._delivered)
