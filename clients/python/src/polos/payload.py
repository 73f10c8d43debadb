"""Values on the wire."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter

from ._gen.polos.v1.payload_pb2 import Payload
from .errors import PayloadSizeError, SerializationError
from .schema import write
from .state.json import JsonRefusal, byte_length

PAYLOAD_BYTES_MAX = 2_097_152
"""Bytes of one payload or result, until a server says otherwise."""


def to_payload(
    value: object,
    *,
    what: str = "the payload",
    bytes_max: int = PAYLOAD_BYTES_MAX,
    schema: TypeAdapter[Any] | None = None,
) -> Payload | None:
    """Writes a value as a payload. None is "no value", an unset payload.

    - `what`: how the value is named in errors, for example `the result of step "charge"`.
    - `bytes_max`: bytes of its JSON text in UTF-8.
    - `schema`: what the value is meant to be, for what JSON has no form for; see `schema.write`.

    Raises SerializationError if JSON cannot hold the value; PayloadSizeError if it is too large.
    """
    if value is None:
        return None
    try:
        text = write(value, schema)
    except JsonRefusal as refusal:
        raise not_json(what, refusal) from None
    size = byte_length(text)
    if size > bytes_max:
        raise PayloadSizeError(what, size, bytes_max)
    return Payload(json=text)


def from_payload(payload: Payload | None) -> Any:
    """Reads a payload. Each call makes a value of its own.

    Returns None for an unset payload; bytes for a payload of bytes.
    """
    body = None if payload is None else payload.WhichOneof("body")
    if payload is None or body is None:
        return None
    return json.loads(payload.json) if body == "json" else payload.data


def json_of(payload: Payload | None) -> str:
    """The JSON text of a payload; that of None for an unset payload and for bytes."""
    is_json = payload is not None and payload.WhichOneof("body") == "json"
    return payload.json if payload is not None and is_json else "null"


def not_json(what: str, refusal: JsonRefusal) -> SerializationError:
    """The error for a value that JSON cannot hold."""
    at = "" if refusal.path == "" else f' at "{refusal.path}"'
    return SerializationError(f"{what} cannot be written as JSON: the value{at} {refusal.reason}", refusal.path)
