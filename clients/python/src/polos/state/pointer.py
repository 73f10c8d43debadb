"""Places in JSON values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

JsonPath: TypeAlias = Sequence["str | int"]
"""A place in a JSON value: object keys and array indices from the outside in."""


def to_pointer(path: JsonPath) -> str:
    """Writes a place as a JSON Pointer (RFC 6901); the empty string is the whole value."""
    return "".join(map(pointer_segment, path))


def pointer_segment(key: str | int) -> str:
    """One segment of a JSON Pointer with its slash, escaped (RFC 6901, section 3)."""
    return f"/{key}" if isinstance(key, int) else "/" + key.replace("~", "~0").replace("/", "~1")


def from_pointer(pointer: str) -> list[str]:
    """Splits a JSON Pointer into its unescaped segments.

    Raises ValueError if it neither is empty nor starts with a slash.
    """
    if pointer == "":
        return []
    if not pointer.startswith("/"):
        raise ValueError(f'"{pointer}" is no JSON Pointer')
    return [segment.replace("~1", "/").replace("~0", "~") for segment in pointer[1:].split("/")]
