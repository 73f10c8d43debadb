"""What a name is."""

from __future__ import annotations

from typing import Any, TypeGuard

TOPIC_BYTES_MAX = 512
"""The most bytes of a topic's name."""


def is_text(value: Any, bytes_max: int) -> TypeGuard[str]:
    """Whether a value is a text that the server takes: not empty, no lone surrogates, at most so many bytes of UTF-8."""
    try:
        return isinstance(value, str) and 1 <= len(value.encode()) <= bytes_max
    except UnicodeEncodeError:
        return False


def is_name(value: Any, bytes_max: int) -> TypeGuard[str]:
    """Whether a value is a name of a workflow or topic: a text without control characters."""
    return is_text(value, bytes_max) and not any(character < " " or character == "\x7f" for character in value)
