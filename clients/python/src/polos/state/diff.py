"""What turns one document into another."""

from __future__ import annotations

from typing import Any

from .json import JSON_DEPTH_MAX, JsonObject, JsonRefusal, assert_json, is_well_formed, json_equals
from .patch import PatchOperation
from .pointer import pointer_segment, to_pointer


def diff(base: JsonObject, current: object) -> list[PatchOperation]:
    """What turns one document into another, as a JSON Patch. Objects are compared member by member; of arrays the equal
    start and end are skipped, so that an append is one `add` at "/-" per element.

    One walk does three things: it compares, it checks that JSON can hold what is new, and it touches nothing. The
    operations refer to values of `current`: write or copy them before anything else runs.

    - `base`: a document from `json.loads`.
    - `current`: the same document later; it may hold anything.

    Raises JsonRefusal naming the first place of `current` that JSON cannot hold.
    """
    comparison = _Comparison()
    comparison.compare(base, current)
    return comparison.operations


class _Comparison:
    """One walk through two documents."""

    def __init__(self) -> None:
        self.path: list[str | int] = []
        self.operations: list[PatchOperation] = []

    def compare(self, base: Any, current: Any) -> None:
        kind = type(current)
        if len(self.path) < JSON_DEPTH_MAX and kind is type(base):
            if kind is dict:
                return self.compare_objects(base, current)
            if kind is list:
                return self.compare_arrays(base, current)
        elif json_equals(base, current):
            return None
        if kind is type(base) and base == current:
            return None
        assert_json(current, self.path)
        self.operations.append({"op": "replace", "path": to_pointer(self.path), "value": current})
        return None

    def compare_objects(self, base: dict[str, Any], current: dict[Any, Any]) -> None:
        shared = 0
        for key, value in current.items():
            if key not in base:
                self.assert_key(key)
                self.add(value, key, key)
                continue
            shared += 1
            self.path.append(key)
            self.compare(base[key], value)
            self.path.pop()
        if shared == len(base):
            return
        pointer = to_pointer(self.path)
        removed = [key for key in base if key not in current]
        self.operations += [PatchOperation(op="remove", path=pointer + pointer_segment(key)) for key in removed]

    def compare_arrays(self, base: list[Any], current: list[Any]) -> None:
        start, end = equal_ends(base, current)
        shorter = min(len(base), len(current))
        for index in range(start, shorter - end):
            self.path.append(index)
            self.compare(base[index], current[index])
            self.path.pop()
        pointer = to_pointer(self.path)
        for index in range(len(base) - end - 1, shorter - end - 1, -1):
            self.operations.append({"op": "remove", "path": f"{pointer}/{index}"})
        for index in range(shorter - end, len(current) - end):
            self.add(current[index], "-" if end == 0 else index, index)

    def add(self, value: object, segment: str | int, place: str | int) -> None:
        """Adds an operation. `place` is where the value really is, if `segment` is "-"."""
        self.path.append(place)
        assert_json(value, self.path)
        self.path.pop()
        pointer = to_pointer(self.path) + pointer_segment(segment)
        self.operations.append({"op": "add", "path": pointer, "value": value})

    def assert_key(self, key: object) -> None:
        if type(key) is not str:
            raise JsonRefusal(f"has a key that is no str but a {type(key).__name__}: {key!r:.80}", self.path)
        if not is_well_formed(key):
            raise JsonRefusal("has a key with a lone surrogate, which is no Unicode text", self.path)


def equal_ends(base: list[Any], current: list[Any]) -> tuple[int, int]:
    """How many elements are the same at the start of two arrays, and how many of the others at the end.

    Arrays of one length are compared place by place instead: nothing at their ends is skipped.
    """
    if len(base) == len(current):
        return 0, 0
    shorter = min(len(base), len(current))
    start = 0
    while start < shorter and json_equals(base[start], current[start]):
        start += 1
    end = 0
    while end < shorter - start and json_equals(base[-1 - end], current[-1 - end]):
        end += 1
    return start, end
