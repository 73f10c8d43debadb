"""Errors of calls: what the server refused, or that it could not be reached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from .errors import PolosError
from .execution_status import ExecutionStatus
from .issue import Issue

StatusName = Literal[
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
]
"""The gRPC status of an error, in the names of the gRPC documentation."""

_TRANSIENT: frozenset[StatusName] = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "ABORTED", "INTERNAL", "UNAVAILABLE"})
"""Statuses that say nothing about the request itself."""


class PolosApiError(PolosError):
    """The server refused a call or could not be reached. Subclasses say why; statuses without one are this class."""

    status: StatusName
    """The gRPC status."""

    def __init__(self, status: StatusName, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.retryable = status in _TRANSIENT


class NotFoundError(PolosApiError):
    """The execution, worker, revision or schema does not exist, or belongs to another project."""

    def __init__(self, message: str, resource_type: str = "", resource_name: str = "") -> None:
        super().__init__("NOT_FOUND", message)
        self.resource_type = resource_type
        """What sort of thing, for example "execution"."""
        self.resource_name = resource_name
        """Its id."""


class InvalidArgumentError(PolosApiError):
    """The request makes no sense to the server."""

    def __init__(self, message: str, field_violations: Sequence[Issue] = ()) -> None:
        super().__init__("INVALID_ARGUMENT", message)
        self.field_violations = tuple(field_violations)
        """Which fields, and why. `path` names the field."""


class LimitExceededError(PolosApiError):
    """Something other than a state or a payload is larger than it may be, or a rate or budget is used up."""

    def __init__(self, message: str, *, limit: str, maximum: int, actual: int) -> None:
        super().__init__("RESOURCE_EXHAUSTED", message)
        self.limit = limit
        """What is limited, for example "schema_bytes"."""
        self.maximum = maximum
        """The most that is allowed."""
        self.actual = actual
        """What it would have been."""


class IdempotencyMismatchError(PolosApiError):
    """The idempotency key was used for a different request before. Nothing was started."""

    def __init__(self, message: str, idempotency_key: str, execution_id: str) -> None:
        super().__init__("ALREADY_EXISTS", message)
        self.idempotency_key = idempotency_key
        """The key."""
        self.execution_id = execution_id
        """The execution that the key belongs to."""


class EventsDeletedError(PolosApiError):
    """Events of a topic that were still to be read were deleted, because they are older than the server keeps them.

    Whoever can do without them goes on with `after=error.oldest_sequence - 1`.
    """

    def __init__(self, message: str, *, topic: str, after: int, oldest_sequence: int) -> None:
        super().__init__("FAILED_PRECONDITION", message)
        self.topic = topic
        """The topic."""
        self.after = after
        """The sequence after which the reader wanted to go on."""
        self.oldest_sequence = oldest_sequence
        """The sequence of the first event after it that is there, or else of the next one to be published."""


class ExecutionClosedError(PolosApiError):
    """The execution is final: it cannot be cancelled or changed any more."""

    def __init__(self, message: str, execution_id: str, execution_status: ExecutionStatus) -> None:
        super().__init__("FAILED_PRECONDITION", message)
        self.execution_id = execution_id
        """The execution."""
        self.execution_status: ExecutionStatus = execution_status
        """Its final status."""


class ExecutionRunningError(PolosApiError):
    """A worker holds the execution, so that its state is the worker's to change. Pause the execution first, then repair it."""

    def __init__(self, message: str, execution_id: str, worker_id: str) -> None:
        super().__init__("FAILED_PRECONDITION", message)
        self.execution_id = execution_id
        """The execution."""
        self.worker_id = worker_id
        """The worker that holds it."""


class LeaseLostError(PolosApiError):
    """A worker's hold on an execution is over."""

    def __init__(self, message: str) -> None:
        super().__init__("ABORTED", message)


class ResultConflictError(PolosApiError):
    """What was to be recorded contradicts what is: a step was resumed with other data before, or is of another kind.

    For a worker's completion `retryable` is True, because a new replay starts from the record.
    """

    def __init__(self, message: str, *, step_key: str | None = None, retryable: bool = True) -> None:
        super().__init__("FAILED_PRECONDITION", message)
        self.step_key = step_key
        """The step, if it is about one."""
        self.retryable = retryable


class UnavailableError(PolosApiError):
    """The server or its store cannot be reached now.

    Calls that are safe to repeat were repeated until their time was up.
    """

    def __init__(self, message: str, retry_delay: float | None = None) -> None:
        super().__init__("UNAVAILABLE", message)
        self.retry_delay = retry_delay
        """When the server says to try again, in seconds from now; None if it does not say."""


class AccessDeniedError(PolosApiError):
    """The API key is missing or wrong, or may not do this. `status` is UNAUTHENTICATED or PERMISSION_DENIED."""
