"""Asking pydantic whether values fit, and for their JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from .issue import ISSUES_MAX, Issue
from .state.json import JSON_DEPTH_MAX, JsonRefusal, to_json_text
from .state.pointer import to_pointer

T = TypeVar("T")


class SchemaMismatch(Exception):
    """A value does not fit its schema."""

    def __init__(self, issues: tuple[Issue, ...]) -> None:
        super().__init__("; ".join(issue.message for issue in issues))
        self.issues = issues


def parse(schema: TypeAdapter[T], text: str) -> T:
    """Reads JSON text as what a schema says.

    Raises SchemaMismatch.
    """
    try:
        return schema.validate_json(text)
    except ValidationError as error:
        raise SchemaMismatch(issues_of(error)) from None


def write(value: object, schema: TypeAdapter[Any] | None = None) -> str:
    """Writes a value as I-JSON text.

    Plain data is written as it is, tuples as arrays, pydantic models and dataclasses as their own serialization says (by
    alias). What JSON has no form for (a datetime, a set, an enum) is written only if `schema` reads the very same value back.

    Raises JsonRefusal naming the first place that JSON cannot hold.
    """
    try:
        return to_json_text(_to_plain(value, 0))
    except JsonRefusal as refusal:
        text = None if schema is None else _written_by(schema, value)
        if text is None:
            raise refusal from None
        return text


def issues_of(error: ValidationError) -> tuple[Issue, ...]:
    """The places that pydantic names, 20 at most."""
    found = error.errors(include_url=False, include_context=False, include_input=False)[:ISSUES_MAX]
    return tuple(Issue(to_pointer(each["loc"]), each["msg"]) for each in found)


def dump_model(model: BaseModel) -> dict[str, Any]:
    """A model as its own serialization says: by alias, without computed fields. May hold what JSON cannot.

    Raises JsonRefusal for what pydantic cannot serialize.
    """
    return _dumped(lambda: model.model_dump(mode="json", by_alias=True, round_trip=True, warnings=False))


def _to_plain(value: Any, depth: int) -> Any:
    kind = type(value)
    if depth > JSON_DEPTH_MAX:  # Perhaps a cycle: whoever writes the text refuses it.
        return value
    if kind is dict:
        return {key: _to_plain(member, depth + 1) for key, member in value.items()}
    if kind is list or kind is tuple:
        return [_to_plain(element, depth + 1) for element in value]
    if isinstance(value, BaseModel):
        return dump_model(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _dumped(lambda: _dump(_adapter_of(kind), value))  # type: ignore[arg-type]
    return value


def _written_by(schema: TypeAdapter[Any], value: object) -> str | None:
    """What the schema makes of a value, if that is without loss."""
    try:
        text = to_json_text(_dump(schema, value))
        return text if schema.validate_json(text) == value else None
    except (JsonRefusal, ValueError, TypeError):
        return None


def _dump(schema: TypeAdapter[Any], value: object) -> Any:
    return schema.dump_python(value, mode="json", by_alias=True, round_trip=True, warnings=False)


def _dumped(dump: Callable[[], T]) -> T:
    try:
        return dump()
    except (ValueError, TypeError) as error:
        raise JsonRefusal(f"has no JSON form: {error}", []) from error


@lru_cache(maxsize=1_000)
def _adapter_of(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
