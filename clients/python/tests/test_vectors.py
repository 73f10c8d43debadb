"""The cases that every SDK's pure functions are held to: see test/client-conformance/README.md."""

import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2

from polos._gen.polos.v1 import error_details_pb2 as details_pb
from polos.retry import retry_delay
from polos.state.conflict import find_conflict
from polos.state.diff import diff
from polos.state.json import JsonRefusal, byte_length, to_json_text
from polos.state.patch import PatchMismatch, apply_patch
from polos.status import from_status

_VECTORS = Path(__file__).resolve().parents[3] / "test" / "client-conformance" / "vectors"

# Details are found by their type's name only once their module is imported.
_DETAILS = (error_details_pb2, details_pb)


class Point:
    """An object that JSON would alter."""


# What JSON cannot hold, by the names in the vectors.
_VALUES: dict[str, Any] = {
    "nan": float("nan"),
    "infinity": float("inf"),
    "minus infinity": float("-inf"),
    "integer too large": 2**53,
    "integer too small": -(2**53),
    "lone surrogate": "a\ud800",
    "date": datetime.datetime.fromtimestamp(0, datetime.timezone.utc),
    "set": {1},
    "bytes": b"\x01",
    "function": lambda: 1,
    "instance": Point(),
}


def vectors(name: str) -> pytest.MarkDecorator:
    cases = json.loads((_VECTORS / f"{name}.json").read_text(encoding="utf-8"))
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in cases])


@vectors("backoff")
def test_delays_before_a_retry_without_their_spread(case: dict[str, Any]) -> None:
    base, longest, expected = (case[name] / 1_000 for name in ("baseDelayMs", "maxDelayMs", "delayMs"))
    assert retry_delay(base, longest, case["retry"], 0.5) == pytest.approx(expected)
    assert retry_delay(base, longest, case["retry"], 0) == pytest.approx(expected * 0.75)


@vectors("patch-apply")
def test_applying_a_json_patch(case: dict[str, Any]) -> None:
    document = case["document"]
    if case.get("fails"):
        with pytest.raises(PatchMismatch):
            apply_patch(document, case["patch"])
    else:
        apply_patch(document, case["patch"])
        assert json.dumps(document) == json.dumps(case["result"])


@vectors("patch-diff")
def test_the_difference_of_two_documents(case: dict[str, Any]) -> None:
    assert json.dumps(diff(case["from"], case["to"])) == json.dumps(case["patch"])


@vectors("conflicts")
def test_conflicts_of_a_step_with_other_branches(case: dict[str, Any]) -> None:
    assert find_conflict(case["base"], case["theirs"], case["patch"]) == case["conflict"]


@vectors("json")
def test_what_json_can_hold_and_its_size(case: dict[str, Any]) -> None:
    given = _with_values(case["value"])
    if "bytes" in case:
        assert byte_length(to_json_text(given)) == case["bytes"]
        return
    with pytest.raises(JsonRefusal) as refused:
        to_json_text(given)
    assert refused.value.path == case["refusedAt"]


@vectors("errors")
def test_the_error_of_a_status_and_its_details(case: dict[str, Any]) -> None:
    status = json_format.ParseDict({"code": case["code"], "details": case["details"]}, status_pb2.Status())
    error = from_status(case["code"], "why", status.details)
    expected = dict(case["error"])
    assert type(error).__name__ == expected.pop("type")
    issues = expected.pop("issues", None)
    if issues is not None:
        own = getattr(error, "issues", getattr(error, "field_violations", None))
        assert own is not None
        assert [{"path": each.path, "message": each.message} for each in own] == issues
    for name, value in expected.items():
        assert getattr(error, _snake_case(name)) == value


def _with_values(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_values(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "!value" in value:
        return _VALUES[value["!value"]]
    return {name: _with_values(member) for name, member in value.items()}


def _snake_case(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
