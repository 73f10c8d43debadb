"""What JSON can hold without altering it (I-JSON, RFC 7493)."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from .pointer import JsonPath, to_pointer

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
"""A JSON value as `json.loads` returns it."""

JsonObject: TypeAlias = dict[str, Any]
"""A JSON object. Every key is ordinary."""

JSON_DEPTH_MAX = 64
"""Levels of nesting in any JSON value; a bare scalar has none, `[]` has one. The server refuses more."""

_NODES_MAX = 1_048_576
"""Values within one value: each takes at least two bytes of text, and no payload holds more than 2 MiB."""

_INTEGER_MAX = 2**53 - 1

_EXPONENT_FROM = 1e21
"""From here on every language writes a float with an exponent, so that all read the same double."""

_WRITE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False).encode


class JsonRefusal(Exception):
    """Why JSON cannot hold a value without altering it, and where: a JSON Pointer, empty for the whole."""

    def __init__(self, reason: str, path: JsonPath) -> None:
        self.reason = reason
        self.path = to_pointer(path)
        where = "the value" if self.path == "" else f'"{self.path}"'
        super().__init__(f"{where} {reason}")


def to_json_text(value: object) -> str:
    """Writes a value as I-JSON text, compact. Whole floats are written as integers, so 1.0 is `1` and -0.0 is `0`.

    Raises JsonRefusal naming the first place that JSON cannot hold: only None, bool, int, float, str, list and dict with
    text keys come back as what they were, and no classes derived from them.
    """
    has_whole_float = assert_json(value)
    return _WRITE(_without_whole_floats(value) if has_whole_float else value)


def write_json(value: object) -> str:
    """Writes a value that `assert_json` or `diff` accepted."""
    text = _WRITE(value)
    # Almost no text has one; looking for them costs less than copying all values.
    return _WRITE(_without_whole_floats(value)) if ".0" in text else text


def byte_length(text: str) -> int:
    """Bytes of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def assert_json(value: object, path: JsonPath = ()) -> bool:
    """Checks that JSON can hold a value without altering it.

    `path` is where the value is, for messages and for the limit on nesting.

    Returns whether a float in it has no fraction. Raises JsonRefusal naming the first place that JSON cannot hold.
    """
    inspection = _Inspection(list(path))
    inspection.inspect(value)
    return inspection.has_whole_float


def json_equals(a: Any, b: Any) -> bool:
    """Deep equality of a JSON value and any other value. True is not 1, 1.0 is 1; what JSON cannot hold equals nothing."""
    kind = type(a)
    if kind is dict:
        return (
            type(b) is dict
            and len(a) == len(b)
            and all(key in b and json_equals(value, b[key]) for key, value in a.items())
        )
    if kind is list:
        return type(b) is list and len(a) == len(b) and all(map(json_equals, a, b))
    is_number = kind in (int, float) and type(b) in (int, float)
    return bool((kind is type(b) or is_number) and a == b)


def is_well_formed(text: str) -> bool:
    """Whether a text is Unicode: without lone surrogates."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class _Inspection:
    """One walk through a value."""

    def __init__(self, path: list[str | int]) -> None:
        self.path = path
        self.nodes = 0
        self.has_whole_float = False

    def inspect(self, value: Any) -> None:
        kind = type(value)
        if kind is str:
            if not is_well_formed(value):
                raise JsonRefusal("is a string with a lone surrogate, which is no Unicode text", self.path)
        elif kind is int:
            if not -_INTEGER_MAX <= value <= _INTEGER_MAX:
                raise self.integer_refusal()
        elif kind is float:
            self.inspect_float(value)
        elif kind is dict or kind is list:
            if len(self.path) >= JSON_DEPTH_MAX:
                raise JsonRefusal(_depth_reason(value), self.path)
            if kind is dict:
                self.inspect_object(value)
            else:
                self.inspect_array(value)
        elif kind is not bool and value is not None:
            raise JsonRefusal(f"is a {kind.__name__}, which JSON would alter; store plain data", self.path)

    def inspect_object(self, value: dict[object, object]) -> None:
        for key, member in value.items():
            self.count_node()
            if type(key) is not str:
                raise JsonRefusal(f"has a key that is no str but a {type(key).__name__}: {key!r:.80}", self.path)
            self.path.append(key)
            if not is_well_formed(key):
                self.path.pop()
                raise JsonRefusal("has a key with a lone surrogate, which is no Unicode text", self.path)
            self.inspect(member)
            self.path.pop()

    def inspect_array(self, value: list[object]) -> None:
        for index, element in enumerate(value):
            self.count_node()
            self.path.append(index)
            self.inspect(element)
            self.path.pop()

    def inspect_float(self, value: float) -> None:
        if value != value or value in (float("inf"), float("-inf")):
            raise JsonRefusal(f"is {value}, which JSON cannot hold", self.path)
        if value.is_integer() and abs(value) < _EXPONENT_FROM:
            if not -_INTEGER_MAX <= value <= _INTEGER_MAX:
                raise self.integer_refusal()
            self.has_whole_float = True

    def integer_refusal(self) -> JsonRefusal:
        advice = "is an integer outside ±(2^53-1), which other languages would read differently; use a string"
        return JsonRefusal(advice, self.path)

    def count_node(self) -> None:
        """Guards against objects that are small in memory and endless as text: `a = [b, b]; b = [c, c]; ...`."""
        self.nodes += 1
        if self.nodes > _NODES_MAX:
            raise JsonRefusal("holds more than 1,048,576 values", [])


def _without_whole_floats(value: Any) -> Any:
    if type(value) is dict:
        return {key: _without_whole_floats(member) for key, member in value.items()}
    if type(value) is list:
        return [_without_whole_floats(element) for element in value]
    return int(value) if type(value) is float and value.is_integer() and abs(value) <= _INTEGER_MAX else value


def _depth_reason(value: object) -> str:
    """Nesting past the limit is a cycle, or just deep: only then is it worth finding out which."""
    levels = f"nested deeper than {JSON_DEPTH_MAX} levels"
    return f"is part of a cycle ({levels})" if _contains_itself(value) else f"is {levels}"


def _contains_itself(value: Any) -> bool:
    """Whether a value can be reached from itself, among the first 10,000 containers met."""
    seen: set[int] = set()
    open_containers = [value]
    while open_containers and len(seen) < 10_000:
        container = open_containers.pop()
        inner_values = container.values() if isinstance(container, dict) else container
        for inner in inner_values:
            if inner is value:
                return True
            if type(inner) in (dict, list) and id(inner) not in seen:
                seen.add(id(inner))
                open_containers.append(inner)
    return False
