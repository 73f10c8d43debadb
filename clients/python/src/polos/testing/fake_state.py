"""The state of an execution under test."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from .._gen.polos.v1 import step_pb2 as step
from .._gen.polos.v1.command_pb2 import StateChanged, StateMigrated
from .._gen.polos.v1.step_pb2 import StepRecord
from ..api_errors import ResultConflictError
from ..state.patch import PatchOperation, apply_patch


class FakeState:
    """The state of an execution as the server keeps it."""

    def __init__(self, initial: str) -> None:
        self.revisions = [initial or "{}"]
        """After each revision, as text; the first is revision 1."""
        self.version = 1
        """The version of its form."""
        self.is_unsettled = False
        self.is_begun = False
        """Whether a worker has committed anything yet."""

    @property
    def text(self) -> str:
        """The newest revision."""
        return self.revisions[-1]

    def change(self, changed: StateChanged) -> None:
        """What a worker's command says."""
        self._assert_latest(changed.base_revision)
        if changed.WhichOneof("change") == "document":
            self.revisions.append(changed.document)
        else:
            self._patch(json.loads(changed.patch))

    def repair(self, patch: Sequence[PatchOperation], sequence: int) -> StepRecord:
        """An operator's change. Returns its record."""
        text = json.dumps(patch)
        self._patch(json.loads(text))
        return self._record(sequence, kind=step.STEP_KIND_STATE_REPAIR, state_patch=text)

    def migrate(self, migration: StateMigrated, sequence: int) -> StepRecord:
        """A worker's migration. Returns its record."""
        self._assert_latest(migration.base_revision)
        if migration.from_version != self.version:
            raise ResultConflictError("another version")
        self.version = migration.to_version
        self.revisions.append(migration.document)
        return self._record(
            sequence,
            kind=step.STEP_KIND_STATE_MIGRATION,
            state_patch=f'[{{"op":"replace","path":"","value":{migration.document}}}]',
            from_state_version=migration.from_version,
            to_state_version=migration.to_version,
        )

    def _patch(self, patch: list[PatchOperation]) -> None:
        self.revisions.append(json.dumps(apply_patch(json.loads(self.text), patch)))

    def _record(self, sequence: int, **fields: Any) -> StepRecord:
        self.is_unsettled = self.is_unsettled or not self.is_begun
        status = step.STEP_STATUS_COMPLETED
        return StepRecord(sequence=sequence, before_code=self.is_unsettled, status=status, **fields)

    def _assert_latest(self, revision: int) -> None:
        if revision != len(self.revisions):
            raise ResultConflictError("another base revision")
