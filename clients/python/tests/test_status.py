"""Typed errors of failed calls."""

from typing import Any

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import code_pb2 as code
from google.rpc import error_details_pb2 as google

from polos import api_errors as api
from polos import errors
from polos._gen.polos.v1 import error_details_pb2 as pb
from polos._gen.polos.v1.execution_pb2 import EXECUTION_STATUS_TIMED_OUT
from polos.issue import Issue
from polos.status import from_status

ISSUES = [pb.SchemaViolation.Issue(path="/n", keyword="type", message="must be number")]


def _limit(name: str) -> pb.LimitExceeded:
    return pb.LimitExceeded(limit=name, maximum=4, actual=5)


@pytest.mark.parametrize(
    ("status", "detail", "kind", "fields"),
    [
        (
            code.INVALID_ARGUMENT,
            google.BadRequest(field_violations=[google.BadRequest.FieldViolation(field="queue", description="long")]),
            api.InvalidArgumentError,
            {"field_violations": (Issue("queue", "long"),)},
        ),
        (
            code.INVALID_ARGUMENT,
            pb.SchemaViolation(value="initial_state", issues=ISSUES),
            errors.StateValidationError,
            {"issues": (Issue("/n", "must be number"),)},
        ),
        (
            code.INVALID_ARGUMENT,
            pb.SchemaViolation(value="payload", issues=ISSUES),
            errors.PayloadValidationError,
            {"retryable": False},
        ),
        (code.RESOURCE_EXHAUSTED, _limit("state_bytes"), errors.StateSizeError, {"size": 5, "max_size": 4}),
        (code.RESOURCE_EXHAUSTED, _limit("state_depth"), errors.StateValidationError, {}),
        (code.RESOURCE_EXHAUSTED, _limit("payload_bytes"), errors.PayloadSizeError, {"size": 5}),
        (code.RESOURCE_EXHAUSTED, _limit("schema_bytes"), api.LimitExceededError, {"limit": "schema_bytes"}),
        (
            code.NOT_FOUND,
            google.ResourceInfo(resource_type="execution", resource_name="x"),
            api.NotFoundError,
            {"resource_name": "x"},
        ),
        (
            code.ALREADY_EXISTS,
            pb.IdempotencyMismatch(idempotency_key="k", execution_id="e"),
            api.IdempotencyMismatchError,
            {"execution_id": "e"},
        ),
        (code.ABORTED, pb.LeaseLost(), api.LeaseLostError, {}),
        (
            code.FAILED_PRECONDITION,
            pb.ExecutionClosed(status=EXECUTION_STATUS_TIMED_OUT),
            api.ExecutionClosedError,
            {"execution_status": "timed_out"},
        ),
        (
            code.FAILED_PRECONDITION,
            pb.EventsDeleted(topic="t", cursor=4, oldest_sequence=9),
            api.EventsDeletedError,
            {"topic": "t", "after": 4, "oldest_sequence": 9},
        ),
        (
            code.FAILED_PRECONDITION,
            pb.ExecutionRunning(execution_id="e", worker_id="w"),
            api.ExecutionRunningError,
            {"execution_id": "e", "worker_id": "w"},
        ),
        (code.FAILED_PRECONDITION, pb.ResultConflict(), api.ResultConflictError, {"step_key": None, "retryable": True}),
        (code.FAILED_PRECONDITION, pb.NonDeterminism(step_key="s"), errors.NonDeterminismError, {"step_key": "s"}),
        (
            code.UNAVAILABLE,
            google.RetryInfo(retry_delay=Duration(seconds=1)),
            api.UnavailableError,
            {"retry_delay": 1.0, "retryable": True},
        ),
    ],
)
def test_the_detail_decides_the_type(status: int, detail: Message, kind: type, fields: dict[str, Any]) -> None:
    packed = AnyMessage()
    packed.Pack(detail)
    error = from_status(status, "text", [packed])
    assert type(error) is kind
    assert {name: getattr(error, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("status", "kind", "name"),
    [
        (code.UNAUTHENTICATED, api.AccessDeniedError, "UNAUTHENTICATED"),
        (code.PERMISSION_DENIED, api.AccessDeniedError, "PERMISSION_DENIED"),
        (code.INTERNAL, api.PolosApiError, "INTERNAL"),
        (code.DEADLINE_EXCEEDED, api.PolosApiError, "DEADLINE_EXCEEDED"),
        (99, api.PolosApiError, "UNKNOWN"),
    ],
)
def test_without_a_detail_the_status_is_kept(status: int, kind: type, name: str) -> None:
    error = from_status(status, "text")
    assert type(error) is kind
    assert isinstance(error, api.PolosApiError)
    assert (error.status, str(error)) == (name, "text")
