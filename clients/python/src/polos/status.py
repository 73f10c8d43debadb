"""Typed errors of failed calls. The type follows from the status and its typed details, never from the text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar, get_args

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from ._gen.polos.v1 import error_details_pb2 as details_pb
from .api_errors import (
    AccessDeniedError,
    EventsDeletedError,
    ExecutionClosedError,
    ExecutionRunningError,
    IdempotencyMismatchError,
    InvalidArgumentError,
    LeaseLostError,
    LimitExceededError,
    NotFoundError,
    PolosApiError,
    ResultConflictError,
    StatusName,
    UnavailableError,
)
from .errors import (
    NonDeterminismError,
    PayloadSizeError,
    PayloadValidationError,
    PolosError,
    StateSizeError,
    StateValidationError,
)
from .execution_status import execution_status_name
from .issue import Issue, describe_issues
from .time import duration_seconds

DetailT = TypeVar("DetailT", bound=Message)

_DETAILS_KEY = "grpc-status-details-bin"


def from_rpc_error(error: grpc.aio.AioRpcError) -> PolosError:
    """The typed error of a failed call."""
    code: int = error.code().value[0]
    message = error.details() or ""
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            return from_status(code, message, _parsed(value).details)
    return from_status(code, message)


def has_details(error: grpc.aio.AioRpcError) -> bool:
    """Whether a server that speaks this API answered; an error without details may come from the connection."""
    return any(key == _DETAILS_KEY for key, _ in error.trailing_metadata() or ())


def from_status(code: int, message: str, details: Iterable[AnyMessage] = ()) -> PolosError:
    """The same for a status that came inside a message."""
    given = list(details)
    if code == code_pb2.INVALID_ARGUMENT:
        return _invalid_argument(message, given)
    if code == code_pb2.RESOURCE_EXHAUSTED:
        return _resource_exhausted(message, given)
    if code == code_pb2.NOT_FOUND:
        resource = _find(given, error_details_pb2.ResourceInfo) or error_details_pb2.ResourceInfo()
        return NotFoundError(message, resource.resource_type, resource.resource_name)
    if code == code_pb2.ALREADY_EXISTS:
        mismatch = _find(given, details_pb.IdempotencyMismatch)
        if mismatch is not None:
            return IdempotencyMismatchError(message, mismatch.idempotency_key, mismatch.execution_id)
    if code == code_pb2.ABORTED and _find(given, details_pb.LeaseLost) is not None:
        return LeaseLostError(message)
    if code == code_pb2.FAILED_PRECONDITION:
        return _failed_precondition(message, given)
    if code == code_pb2.UNAVAILABLE:
        return UnavailableError(message, _retry_delay(given))
    if code in (code_pb2.UNAUTHENTICATED, code_pb2.PERMISSION_DENIED):
        return AccessDeniedError(_status_name(code), message)
    return PolosApiError(_status_name(code), message)


def _invalid_argument(message: str, details: list[AnyMessage]) -> PolosError:
    violation = _find(details, details_pb.SchemaViolation)
    if violation is not None:
        issues = [Issue(each.path, each.message) for each in violation.issues]
        if violation.value == "initial_state":
            return StateValidationError(describe_issues("the initial state", issues), issues)
        if violation.value == "state":
            return StateValidationError(describe_issues("the state", issues), issues)
        if violation.value == "payload":
            return PayloadValidationError(describe_issues("the payload", issues), issues)
    request = _find(details, error_details_pb2.BadRequest) or error_details_pb2.BadRequest()
    return InvalidArgumentError(message, [Issue(each.field, each.description) for each in request.field_violations])


def _resource_exhausted(message: str, details: list[AnyMessage]) -> PolosError:
    exceeded = _find(details, details_pb.LimitExceeded)
    if exceeded is None:
        return PolosApiError("RESOURCE_EXHAUSTED", message)
    limit, maximum, actual = exceeded.limit, exceeded.maximum, exceeded.actual
    if limit == "state_bytes":
        return StateSizeError(actual, maximum)
    if limit == "state_depth":
        return StateValidationError(message, [Issue(exceeded.path, message)])
    if limit == "payload_bytes":
        return PayloadSizeError(exceeded.path or "the payload", actual, maximum)
    return LimitExceededError(message, limit=limit, maximum=maximum, actual=actual)


def _failed_precondition(message: str, details: list[AnyMessage]) -> PolosError:
    closed = _find(details, details_pb.ExecutionClosed)
    if closed is not None:
        return ExecutionClosedError(message, closed.execution_id, execution_status_name(closed.status))
    running = _find(details, details_pb.ExecutionRunning)
    if running is not None:
        return ExecutionRunningError(message, running.execution_id, running.worker_id)
    deleted = _find(details, details_pb.EventsDeleted)
    if deleted is not None:
        topic, oldest_sequence = deleted.topic, deleted.oldest_sequence
        return EventsDeletedError(message, topic=topic, after=deleted.cursor, oldest_sequence=oldest_sequence)
    difference = _find(details, details_pb.NonDeterminism)
    if difference is not None:
        return NonDeterminismError(message, difference.step_key)
    conflict = _find(details, details_pb.ResultConflict)
    if conflict is not None:
        return ResultConflictError(message, step_key=conflict.step_key or None)
    return PolosApiError("FAILED_PRECONDITION", message)


def _retry_delay(details: list[AnyMessage]) -> float | None:
    info = _find(details, error_details_pb2.RetryInfo)
    return duration_seconds(info.retry_delay) if info is not None and info.HasField("retry_delay") else None


def _find(details: list[AnyMessage], kind: type[DetailT]) -> DetailT | None:
    """The first detail of one type."""
    for detail in details:
        message = kind()
        if detail.Unpack(message):
            return message
    return None


def _parsed(encoded: bytes) -> Any:
    try:
        return status_pb2.Status.FromString(encoded)
    except DecodeError:
        return status_pb2.Status()


def _status_name(code: int) -> StatusName:
    for name in get_args(StatusName):
        if code_pb2.Code.Value(name) == code:
            return name  # type: ignore[no-any-return]
    return "UNKNOWN"
