"""Where an execution is in its life."""

from __future__ import annotations

from typing import Literal

from ._gen.polos.v1 import execution_pb2 as pb

ExecutionStatus = Literal["queued", "running", "waiting", "paused", "completed", "failed", "cancelled", "timed_out"]
"""Where an execution is in its life. The last four are final."""

ExecutionStatusReason = Literal[
    "no_worker",
    "workers_busy",
    "start_delay",
    "retry_delay",
    "child",
    "timer",
    "event",
    "resume",
    "concurrency_limit",
    "workers_lost",
    "state_misfit",
    "lease_release",
]
"""Why an execution that is queued, waiting or paused is not running. One that somebody paused has no reason."""

_STATUS_NAMES: dict[int, ExecutionStatus] = {
    pb.EXECUTION_STATUS_QUEUED: "queued",
    pb.EXECUTION_STATUS_RUNNING: "running",
    pb.EXECUTION_STATUS_WAITING: "waiting",
    pb.EXECUTION_STATUS_PAUSED: "paused",
    pb.EXECUTION_STATUS_COMPLETED: "completed",
    pb.EXECUTION_STATUS_FAILED: "failed",
    pb.EXECUTION_STATUS_CANCELLED: "cancelled",
    pb.EXECUTION_STATUS_TIMED_OUT: "timed_out",
}

_REASON_NAMES: dict[int, ExecutionStatusReason] = {
    pb.STATUS_REASON_NO_WORKER: "no_worker",
    pb.STATUS_REASON_WORKERS_BUSY: "workers_busy",
    pb.STATUS_REASON_START_DELAY: "start_delay",
    pb.STATUS_REASON_RETRY_DELAY: "retry_delay",
    pb.STATUS_REASON_CHILD: "child",
    pb.STATUS_REASON_TIMER: "timer",
    pb.STATUS_REASON_EVENT: "event",
    pb.STATUS_REASON_RESUME: "resume",
    pb.STATUS_REASON_CONCURRENCY_LIMIT: "concurrency_limit",
    pb.STATUS_REASON_WORKERS_LOST: "workers_lost",
    pb.STATUS_REASON_STATE_MISFIT: "state_misfit",
    pb.STATUS_REASON_LEASE_RELEASE: "lease_release",
}

_FINAL = frozenset(
    {
        pb.EXECUTION_STATUS_COMPLETED,
        pb.EXECUTION_STATUS_FAILED,
        pb.EXECUTION_STATUS_CANCELLED,
        pb.EXECUTION_STATUS_TIMED_OUT,
    }
)


def is_final(status: int) -> bool:
    """Whether a status of the protocol never changes again."""
    return status in _FINAL


def execution_status_name(status: int) -> ExecutionStatus:
    """The protocol's status in the words of this SDK; one that this version does not know counts as running."""
    return _STATUS_NAMES.get(status, "running")


def status_reason_name(reason: int) -> ExecutionStatusReason | None:
    """The protocol's reason in the words of this SDK; None for none, and for one that this version does not know."""
    return _REASON_NAMES.get(reason)
