"""What goes into a workflow and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from pydantic import BaseModel, TypeAdapter, ValidationError

from ._gen.polos.v1.payload_pb2 import Payload
from .errors import PayloadValidationError, ResultValidationError, StateSizeError, StateValidationError
from .issue import describe_issues
from .payload import from_payload, json_of, not_json, to_payload
from .schema import SchemaMismatch, issues_of, parse, write
from .state.json import JsonRefusal, byte_length
from .state.state_document import STATE_BYTES_MAX
from .workflow import WorkflowConfig


def read_payload(config: WorkflowConfig, payload: Payload | None) -> Any:
    """What the handler receives: the payload as the workflow's schema reads it, or plain data without one.

    Raises PayloadValidationError if it does not fit.
    """
    return _read(config.payload_schema, payload, "the payload", PayloadValidationError)


def write_start_payload(config: WorkflowConfig | None, value: Any, what: str) -> Payload | None:
    """A payload for an execution of a workflow, checked as far as its schema is known.

    Raises PayloadValidationError, SerializationError, PayloadSizeError.
    """
    schema = None if config is None else config.payload_schema
    payload = to_payload(value, what=what, schema=schema)
    if schema is not None:
        _parse(schema, payload, what, PayloadValidationError)
    return payload


def write_initial_state(config: WorkflowConfig | None, state: BaseModel | Mapping[str, Any] | None, what: str) -> str:
    """An initial state as JSON text, empty for none, checked as far as the workflow's model is known.

    Raises StateValidationError; SerializationError if JSON cannot hold it; StateSizeError if it is too large.
    """
    try:
        text = "" if state is None else write(dict(state) if isinstance(state, Mapping) else state)
    except JsonRefusal as refusal:
        raise not_json(what, refusal) from None
    size = byte_length(text)
    if size > STATE_BYTES_MAX:
        raise StateSizeError(size, STATE_BYTES_MAX)
    if config is not None and config.state_schema is not None:
        try:
            config.state_schema.model_validate_json(text or "{}")
        except ValidationError as error:
            issues = issues_of(error)
            raise StateValidationError(describe_issues(what, issues), issues) from None
    return text


def write_result(config: WorkflowConfig, result: Any, bytes_max: int) -> Payload | None:
    """What the handler returned, if it may be the execution's result.

    Raises ResultValidationError if it does not fit the output schema; SerializationError, PayloadSizeError.
    """
    schema = config.output_schema
    payload = to_payload(result, what="the result", bytes_max=bytes_max, schema=schema)
    if schema is not None:
        read_as(schema, payload, "the result")
    return payload


def read_as(schema: TypeAdapter[Any] | None, payload: Payload | None, what: str) -> Any:
    """A result as a schema reads it, or plain data without one.

    Raises ResultValidationError if it does not fit.
    """
    return _read(schema, payload, what, ResultValidationError)


_Refusal: TypeAlias = "type[PayloadValidationError | ResultValidationError]"


def _read(schema: TypeAdapter[Any] | None, payload: Payload | None, what: str, refusal: _Refusal) -> Any:
    if schema is None or (payload is not None and payload.WhichOneof("body") == "data"):
        return from_payload(payload)
    return _parse(schema, payload, what, refusal)


def _parse(schema: TypeAdapter[Any], payload: Payload | None, what: str, refusal: _Refusal) -> Any:
    try:
        return parse(schema, json_of(payload))
    except SchemaMismatch as mismatch:
        raise refusal(describe_issues(what, mismatch.issues), mismatch.issues) from None
