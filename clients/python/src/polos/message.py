"""Messages of the protocol out of values that somebody gave."""

from __future__ import annotations

from typing import Any, TypeVar

from google.protobuf.message import Message

MessageT = TypeVar("MessageT", bound=Message)


def to_message(kind: type[MessageT], **fields: Any) -> MessageT:
    """Makes a message. None leaves a field out.

    Raises TypeError, ValueError for a value that its field cannot hold, with the field's name: protobuf's own errors have none.
    """
    try:
        return kind(**fields)
    except (TypeError, ValueError) as error:
        for name, value in fields.items():
            _try_alone(kind, name, value)
        raise error


def _try_alone(kind: type[Message], name: str, value: object) -> None:
    try:
        kind(**{name: value})
    except (TypeError, ValueError) as error:
        refusal = TypeError if isinstance(error, TypeError) else ValueError
        raise refusal(f"{name} cannot be {value!r:.80}: {error}") from None
