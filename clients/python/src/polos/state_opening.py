"""The state that a handler begins with."""

from __future__ import annotations

import json
from typing import NamedTuple

from ._gen.polos.v1.step_pb2 import StepRecord
from ._gen.polos.v1.worker_service_pb2 import Assignment, CompleteStepResponse
from .api_errors import InvalidArgumentError
from .commands import state_migrated
from .errors import StateMigrationError, StateSizeError, StateValidationError
from .journal import CommitRefusal
from .lease_holder import LeaseHolder
from .migrations import migrated, migrated_document
from .state.state_document import Recorded, StateDocument
from .workflow import WorkflowConfig

_MISFITS = (StateValidationError, StateSizeError, InvalidArgumentError)


class CurrentState(NamedTuple):
    """An execution's state in the form of its code's version."""

    recorded: Recorded
    response: CompleteStepResponse | None = None
    """The answer to its migration, if that was necessary."""


async def bring_up_to_date(assignment: Assignment, config: WorkflowConfig, lease_holder: LeaseHolder) -> CurrentState:
    """Brings an execution's state to the version of the workflow's code, and commits that, before the code begins.

    Raises StateMigrationError if it cannot be brought there: nothing has changed; CommitRefusal.
    """
    end = config.state_version
    start = assignment.execution.state_version or 1
    recorded = Recorded(assignment.state, assignment.execution.state_revision)
    if start == end or assignment.cancel_requested:
        return CurrentState(recorded)
    if start > end:
        message = f"the state is of version {start}, and this worker's code of version {end}"
        raise StateMigrationError(start, message)
    document = migrated(config.migrate, json.loads(assignment.state or "{}"), start, end)
    try:
        text = StateDocument.text(document, config.state_schema)
        command = state_migrated(recorded.revision, start, end, text)
        response = await lease_holder.complete([command], True)
    except _MISFITS as error:
        raise StateMigrationError(end, f"the state of version {end} is refused: {error}") from error
    except Exception as error:
        raise CommitRefusal(error) from error
    return CurrentState(Recorded(text, response.state_revision), response)


def open_state(
    initial: str, recorded: Recorded, config: WorkflowConfig, first_migration: StepRecord | None
) -> StateDocument:
    """The document that the code begins with: the initial state. The code that came before a migration runs on a rehearsal:
    the initial state in the form of today's code, or, if that cannot be had, what the first migration made.

    Raises StateValidationError, StateMigrationError.
    """
    schema, end = config.state_schema, config.state_version
    if first_migration is None:
        return StateDocument.open(initial, recorded, schema)
    try:
        start = first_migration.from_state_version
        document = migrated(config.migrate, json.loads(initial or "{}"), start, end)
        return StateDocument.open(json.dumps(document), recorded, schema)
    except Exception:
        start = first_migration.to_state_version
        document = migrated(config.migrate, migrated_document(first_migration.state_patch), start, end)
        return StateDocument.open(json.dumps(document), recorded, schema)
