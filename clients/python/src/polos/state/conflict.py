"""Changes that would be lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .json import JsonObject, json_equals
from .patch import NOTHING, PatchOperation, child_of
from .pointer import from_pointer


def find_conflict(base: JsonObject, current: JsonObject, patch: Sequence[PatchOperation]) -> str | None:
    """Finds a place that both a step's function and another branch changed, so that applying the step's patch would lose
    one of the changes.

    Appending to an array that the others, too, only appended to is no conflict. Inserting into or removing from an array
    wants the array as it was, because the indices of the patch mean nothing in another one.

    - `base`: the document that the step's function started from.
    - `current`: the document now.
    - `patch`: what the step's function changed in `base`.

    Returns the JSON Pointer of the first such place, or None.
    """
    return next((each["path"] for each in patch if not _is_untouched(base, current, each)), None)


def _is_untouched(base: JsonObject, current: JsonObject, operation: PatchOperation) -> bool:
    *segments, last = from_pointer(operation["path"])
    before: Any = base
    now: Any = current
    for segment in segments:
        before = child_of(before, segment)
        now = child_of(now, segment)
    if type(before) is list:
        if type(now) is not list:
            return False
        if operation["op"] == "add" and last == "-":
            return len(now) >= len(before) and all(map(json_equals, before, now))
        if operation["op"] != "replace":
            return json_equals(before, now)
    if before is NOTHING or type(now) not in (dict, list):
        return False
    return _equals_or_absent(child_of(before, last), child_of(now, last))


def _equals_or_absent(before: object, now: object) -> bool:
    return before is now if before is NOTHING or now is NOTHING else json_equals(before, now)
