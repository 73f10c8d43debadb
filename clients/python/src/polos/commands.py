"""What a worker asks for in CompleteStep."""

from __future__ import annotations

from ._gen.polos.v1 import command_pb2 as pb
from ._gen.polos.v1.command_pb2 import Command
from ._gen.polos.v1.failure_pb2 import Failure
from ._gen.polos.v1.payload_pb2 import Payload
from ._gen.polos.v1.step_pb2 import StepKind
from .state.state_document import StateChange
from .step_request import StepOutcome


def step_finished(outcome: StepOutcome) -> Command:
    """Records what became of a step that ran here."""
    key, kind, attempts = outcome.key, StepKind.Name(outcome.kind), outcome.attempt_records
    if outcome.failure is not None:
        failed = pb.StepFailed(step_key=key, kind=kind, attempts=attempts, failure=outcome.failure)
        return Command(step_failed=failed)
    return Command(
        step_completed=pb.StepCompleted(
            step_key=key, kind=kind, attempts=attempts, state_patch=outcome.state_patch, result=outcome.result
        )
    )


def outcome_accepted(step_key: str) -> Command:
    """Gives an outcome that the server brought its place in the order."""
    return Command(outcome_accepted=pb.OutcomeAccepted(step_key=step_key))


def state_changed(change: StateChange) -> Command:
    """Saves what changed in the state."""
    changed = pb.StateChanged(base_revision=change.base_revision, patch=change.patch, document=change.document)
    return Command(state_changed=changed)


def execution_completed(result: Payload | None) -> Command:
    """Ends the execution with a result."""
    return Command(execution_completed=pb.ExecutionCompleted(result=result))


def execution_failed(failure: Failure) -> Command:
    """Ends this attempt of the handler."""
    return Command(execution_failed=pb.ExecutionFailed(failure=failure))


def state_migrated(base_revision: int, from_version: int, to_version: int, document: str) -> Command:
    """Brings the state to a later version of its form."""
    migrated = pb.StateMigrated(
        base_revision=base_revision, from_version=from_version, to_version=to_version, document=document
    )
    return Command(state_migrated=migrated)


def execution_parked(failure: Failure) -> Command:
    """Has the execution held back, because its state does not fit."""
    return Command(execution_parked=pb.ExecutionParked(failure=failure))


def execution_suspended(kept: bool) -> Command:
    """Gives the execution back until an outcome comes; `kept` if its code stays in memory here, where it stands."""
    return Command(execution_suspended=pb.ExecutionSuspended(kept=kept))


def execution_cancelled() -> Command:
    """Ends the execution as cancelled."""
    return Command(execution_cancelled=pb.ExecutionCancelled())
