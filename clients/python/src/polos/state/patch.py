"""JSON Patch (RFC 6902)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, TypedDict

from typing_extensions import NotRequired

from .json import JsonObject
from .pointer import from_pointer

_INDEX = re.compile("0|[1-9][0-9]{0,8}")


class PatchOperation(TypedDict):
    """One operation. The others of the RFC can be written with these three."""

    op: Literal["add", "replace", "remove"]
    path: str
    value: NotRequired[Any]


class PatchMismatch(Exception):
    """A path of a patch leads nowhere in the document."""


class _Nothing:
    """What is at a place where nothing is; None is a JSON value."""


NOTHING = _Nothing()


def apply_patch(document: JsonObject, patch: Sequence[PatchOperation]) -> JsonObject:
    """Applies a patch to a document in place, so that references into the document stay valid. The operations' values
    become part of the document: pass a fresh patch each time.

    Returns the document: another object only if the patch replaces the whole. Raises PatchMismatch if a path leads nowhere, or
    the whole would be no object; operations before that one have been applied.
    """
    whole = document
    for operation in patch:
        if operation["path"] == "":
            whole = _whole_of(operation)
        else:
            _apply_operation(whole, operation)
    return whole


def apply_if_possible(document: JsonObject, operation: PatchOperation) -> bool:
    """Applies an operation to a document that may not be as the operation was meant for: a member that it would replace is
    added, one that it would remove may be gone.

    Returns False if the place that it names is not there: then nothing has changed.
    """
    *segments, member = from_pointer(operation["path"]) or [""]
    parent: Any = document
    for segment in segments:
        parent = child_of(parent, segment)
    is_removal = operation["op"] == "remove"
    if is_removal and (parent is NOTHING or operation["path"] == ""):
        return True
    if type(parent) is dict and member not in parent:
        if is_removal:
            return True
        operation = {**operation, "op": "add"}
    try:
        _apply_operation(document, operation)
    except PatchMismatch:
        return False
    return True


def _whole_of(operation: PatchOperation) -> JsonObject:
    value = operation.get("value")
    if operation["op"] == "remove" or type(value) is not dict:
        raise PatchMismatch("the whole document must stay an object")
    return value


def child_of(parent: Any, segment: str) -> Any:
    """The member or element of a value that a pointer's segment names, or NOTHING."""
    if type(parent) is list:
        index = _element_index(segment)
        return parent[index] if index is not None and index < len(parent) else NOTHING
    return parent.get(segment, NOTHING) if type(parent) is dict else NOTHING


def _apply_operation(document: JsonObject, operation: PatchOperation) -> None:
    *segments, last = from_pointer(operation["path"])
    parent: Any = document
    for segment in segments:
        parent = child_of(parent, segment)
        if parent is NOTHING:
            raise _leads_nowhere(operation)
    if type(parent) is list:
        _change_element(parent, last, operation)
    elif type(parent) is dict:
        _change_member(parent, last, operation)
    else:
        raise PatchMismatch(f'nothing can be inside a {type(parent).__name__} at "{operation["path"]}"')


def _change_member(parent: JsonObject, key: str, operation: PatchOperation) -> None:
    if operation["op"] != "add" and key not in parent:
        raise _leads_nowhere(operation)
    if operation["op"] == "remove":
        del parent[key]
    else:
        parent[key] = operation.get("value")


def _change_element(parent: list[Any], segment: str, operation: PatchOperation) -> None:
    is_add = operation["op"] == "add"
    index = len(parent) if is_add and segment == "-" else _element_index(segment)
    if index is None or index > len(parent) or (not is_add and index == len(parent)):
        raise _leads_nowhere(operation)
    if is_add:
        parent.insert(index, operation.get("value"))
    elif operation["op"] == "remove":
        del parent[index]
    else:
        parent[index] = operation.get("value")


def _element_index(segment: str) -> int | None:
    return int(segment) if _INDEX.fullmatch(segment) else None


def _leads_nowhere(operation: PatchOperation) -> PatchMismatch:
    return PatchMismatch(f'nothing is at "{operation["path"]}"')
