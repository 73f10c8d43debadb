"""What JSON can hold, and how documents differ."""

from __future__ import annotations

import copy
import datetime
import decimal
import enum
import json
import random
from collections import OrderedDict
from typing import Any

import pytest

from polos.state.conflict import find_conflict
from polos.state.diff import diff
from polos.state.json import JsonRefusal, json_equals, to_json_text, write_json
from polos.state.patch import PatchMismatch, PatchOperation, apply_if_possible, apply_patch
from polos.state.pointer import from_pointer, to_pointer


class Color(str, enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def cyclic() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["again"] = [value]
    return value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (0, "0"),
        (-0.0, "0"),
        (1.0, "1"),
        (1.5, "1.5"),
        (1e300, "1e+300"),
        (-1e21, "-1e+21"),
        (2**53 - 1, "9007199254740991"),
        (float(2**53 - 1), "9007199254740991"),
        ("ü\x00\u2028", '"ü\\u0000\u2028"'),
        ({"a": [1.0, {"b": -0.0}]}, '{"a":[1,{"b":0}]}'),
        ({"": 1, "__proto__": 2, "$ref": 3, "a.b": 4}, '{"":1,"__proto__":2,"$ref":3,"a.b":4}'),
        ("1.0", '"1.0"'),
    ],
)
def test_writes_what_json_can_hold(value: Any, text: str) -> None:
    assert to_json_text(value) == text
    assert write_json(value) == text
    assert json_equals(json.loads(text), value)


@pytest.mark.parametrize(
    ("value", "path", "reason"),
    [
        ({"a": float("nan")}, "/a", "nan"),
        ([float("inf")], "/0", "inf"),
        ({"a": {"b": 2**53}}, "/a/b", "integer outside"),
        (-(2**53), "", "integer outside"),
        (1e20, "", "integer outside"),
        (10**22, "", "integer outside"),
        ({"a": (1,)}, "/a", "tuple"),
        ({"a": {1}}, "/a", "set"),
        ({"a": b"x"}, "/a", "bytes"),
        ({"a": datetime.date(2026, 1, 1)}, "/a", "date"),
        ({"a": decimal.Decimal(1)}, "/a", "Decimal"),
        ({"a": Color.RED}, "/a", "Color"),
        ({"a": Level.LOW}, "/a", "Level"),
        ({"a": OrderedDict()}, "/a", "OrderedDict"),
        ({"a": {1: 2}}, "/a", "key that is no str but a int"),
        ({"a": "\ud800"}, "/a", "surrogate"),
        ({"a~/": {"\udfff": 1}}, "/a~0~1", "surrogate"),
        (object, "", "type"),
        (nested(65), "/0" * 64, "deeper than 64"),
        (cyclic(), "/again/0" * 32, "cycle"),
    ],
)
def test_refuses_what_json_would_alter_and_says_where(value: Any, path: str, reason: str) -> None:
    with pytest.raises(JsonRefusal) as caught:
        to_json_text(value)
    assert caught.value.path == path
    assert reason in caught.value.reason


def test_refuses_what_is_small_in_memory_and_endless_as_text() -> None:
    value: list[Any] = [1]
    for _ in range(40):
        value = [value, value]
    with pytest.raises(JsonRefusal, match="1,048,576 values"):
        to_json_text(value)


@pytest.mark.parametrize(
    ("a", "b"), [(True, 1), (0, False), ("1", 1), ([1], (1,)), (None, False), ({"a": 1}, {"a": 1, "b": None})]
)
def test_equality_is_that_of_json(a: Any, b: Any) -> None:
    assert not json_equals(a, b)


@pytest.mark.parametrize(
    ("base", "current", "patch"),
    [
        ({"n": 1}, {"n": 1.0}, []),
        ({"n": 1}, {"n": True}, [{"op": "replace", "path": "/n", "value": True}]),
        ({"n": 0}, {"n": None}, [{"op": "replace", "path": "/n", "value": None}]),
        ({"a": [1]}, {"a": [1, 2, 3]}, [{"op": "add", "path": "/a/-", "value": v} for v in (2, 3)]),
        ({"a": [1, 2, 3]}, {"a": [1, 3]}, [{"op": "remove", "path": "/a/1"}]),
        ({"a": [1, 2]}, {"a": [0, 1, 2]}, [{"op": "add", "path": "/a/0", "value": 0}]),
        ({"a": [1, 2]}, {"a": [1, 5]}, [{"op": "replace", "path": "/a/1", "value": 5}]),
        ({"a": {"b": 1}}, {"a": {}}, [{"op": "remove", "path": "/a/b"}]),
        ({"a/b": {"~": 1}}, {"a/b": {"~": 2}}, [{"op": "replace", "path": "/a~1b/~0", "value": 2}]),
        ({"a": [1]}, {"a": {"0": 1}}, [{"op": "replace", "path": "/a", "value": {"0": 1}}]),
    ],
)
def test_differences_are_small(base: Any, current: Any, patch: list[Any]) -> None:
    assert diff(base, current) == patch


@pytest.mark.parametrize(
    ("current", "path"),
    [({"a": {1}}, "/a"), ({"a": [1, {"b": object()}]}, "/a/1/b"), ({"a": [1], 2: 1}, ""), ({"b": "\ud800"}, "/b")],
)
def test_refuses_a_document_that_json_cannot_hold(current: Any, path: str) -> None:
    with pytest.raises(JsonRefusal) as caught:
        diff({"a": [1]}, current)
    assert caught.value.path == path


def random_value(source: random.Random, depth: int) -> Any:
    kind = source.randint(0, 5 if depth > 0 else 3)
    if kind == 4:
        return [random_value(source, depth - 1) for _ in range(source.randint(0, 4))]
    if kind == 5:
        return {source.choice("ab/~ü"): random_value(source, depth - 1) for _ in range(source.randint(0, 4))}
    return source.choice([None, True, False, 0, 1, 1.5, "", "a", "-"])


def mutated(source: random.Random, value: Any) -> Any:
    if isinstance(value, list):
        result = [mutated(source, each) if source.random() < 0.3 else each for each in value]
        if source.random() < 0.4:
            result.insert(source.randint(0, len(result)), random_value(source, 2))
        if result and source.random() < 0.3:
            del result[source.randrange(len(result))]
        return result
    if isinstance(value, dict):
        changed = {key: mutated(source, each) for key, each in value.items() if source.random() < 0.8}
        return {**changed, source.choice("abc"): random_value(source, 2)}
    return random_value(source, 2)


@pytest.mark.parametrize("seed", range(300))
def test_a_patch_turns_one_document_into_the_other(seed: int) -> None:
    source = random.Random(seed)
    base = {"root": random_value(source, 4), "other": random_value(source, 3)}
    current = mutated(source, copy.deepcopy(base))
    before = json.dumps(base), json.dumps(current)
    patch = json.loads(write_json(diff(base, current)))
    assert (json.dumps(base), json.dumps(current)) == before
    apply_patch(base, patch)
    assert json_equals(base, current)
    assert diff(base, current) == []
    for operation in patch:
        assert to_pointer(from_pointer(operation["path"])) == operation["path"]


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/x"},
        {"op": "replace", "path": "/a/3", "value": 1},
        {"op": "replace", "path": "/a/-", "value": 1},
        {"op": "add", "path": "/a/4", "value": 1},
        {"op": "add", "path": "/a/01", "value": 1},
        {"op": "add", "path": "/a/0/x", "value": 1},
        {"op": "add", "path": "/x/y", "value": 1},
        {"op": "replace", "path": "", "value": []},
        {"op": "remove", "path": ""},
    ],
)
def test_refuses_a_patch_that_does_not_fit(operation: Any) -> None:
    with pytest.raises(PatchMismatch):
        apply_patch({"a": [1, 2, 3], "s": ""}, [operation])


def test_a_patch_can_replace_the_whole() -> None:
    document = {"a": 1}
    patch: list[PatchOperation] = [
        {"op": "replace", "path": "", "value": {"b": 2}},
        {"op": "add", "path": "/c", "value": 3},
    ]
    assert apply_patch(document, patch) == {"b": 2, "c": 3}
    assert document == {"a": 1}


@pytest.mark.parametrize(
    ("operation", "is_possible", "after"),
    [
        ({"op": "replace", "path": "/b", "value": 1}, True, {"a": {"x": 1}, "b": 1}),
        ({"op": "remove", "path": "/b"}, True, {"a": {"x": 1}}),
        ({"op": "remove", "path": "/a/x"}, True, {"a": {}}),
        ({"op": "remove", "path": "/b/c"}, True, {"a": {"x": 1}}),
        ({"op": "replace", "path": "/b/c", "value": 1}, False, {"a": {"x": 1}}),
        ({"op": "add", "path": "/a/x/y", "value": 1}, False, {"a": {"x": 1}}),
    ],
)
def test_applies_what_is_possible(operation: Any, is_possible: bool, after: Any) -> None:
    document = {"a": {"x": 1}}
    assert apply_if_possible(document, operation) is is_possible
    assert document == after


@pytest.mark.parametrize(
    ("base", "current", "changed", "path"),
    [
        ({"a": [1]}, {"a": [1, 2]}, {"a": [1, 3]}, None),
        ({"a": 1}, {"a": 1, "b": 2}, {"a": 2}, None),
        ({"a": 1}, {"a": 2}, {"a": 3}, "/a"),
        ({"a": 1}, {"a": 2}, {}, "/a"),
        ({}, {"a": 1}, {"a": 1}, "/a"),
        ({"a": [1, 2]}, {"a": [1, 2, 3]}, {"a": [2]}, "/a/0"),
        ({"a": [1]}, {"a": [2]}, {"a": [1, 3]}, "/a/-"),
        ({"a": {"b": 1}}, {"a": 1}, {"a": {"b": 2}}, "/a/b"),
        ({"a": {"b": 1}}, {}, {"a": {"b": 2}}, "/a/b"),
    ],
)
def test_finds_changes_that_would_be_lost(base: Any, current: Any, changed: Any, path: str | None) -> None:
    assert find_conflict(base, current, diff(base, changed)) == path
