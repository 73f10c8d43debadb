"""Errors on the wire."""

from __future__ import annotations

import builtins
import traceback
from collections.abc import Sequence
from typing import Any, NamedTuple

from ._gen.polos.v1 import step_pb2 as step
from ._gen.polos.v1.failure_pb2 import Failure
from .errors import (
    BatchSizeError,
    HookExecutionError,
    PayloadValidationError,
    PolosError,
    RemoteError,
    ResultValidationError,
    SerializationError,
    StateConflictError,
    StateSizeError,
    StateValidationError,
    StepExecutionError,
    WaitTimeoutError,
)
from .payload import from_payload, to_payload

_TEXT_BYTES_MAX = 65_000
"""Bytes of a message or a stack, as the protocol limits them, less room for the note that it was cut."""
_ATTEMPT_TEXT_BYTES_MAX = 1_000
"""Bytes of the message of one failed attempt: up to 1,001 of them travel in one request."""
_PLACE_BYTES_MAX = 16_000
"""Bytes of one place among an error's details: at most 20 of them travel together, each with its message."""
_TYPE_BYTES_MAX = 200
_STEP_KEY_BYTES_MAX = 1_024
_CAUSES_MAX = 16
_FRAMES_MAX = 50
_CUT = "... (cut)"
_PHASES = {"on_start": "onStart", "on_end": "onEnd"}
"""The phases of hooks in the protocol's words."""


class FinalFailure(Exception):
    """A failure that is described already, to be committed as it is."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class FailedStep(NamedTuple):
    """Which step failed."""

    key: str
    kind: int


def to_failure(error: BaseException) -> Failure:
    """Describes an error in the form that every language can raise again: type, message, stack and causes (16 at most).
    Texts over 64 KiB are cut and say so."""
    return error.failure if isinstance(error, FinalFailure) else _describe(error, _CAUSES_MAX)


def to_attempt_failure(error: BaseException) -> Failure:
    """Describes the error of one attempt: type and message only, the message 1,000 bytes at most."""
    described = _describe(error, 1)
    return Failure(type=described.type, message=_cut(described.message, _ATTEMPT_TEXT_BYTES_MAX))


def to_error(failure: Failure | None) -> RemoteError:
    """Makes an error of a failure: the same type's name, message and causes, but not the class."""
    if failure is None:
        return RemoteError("Error", "it failed for a reason that was not recorded")
    return RemoteError(
        failure.type,
        failure.message,
        cause=to_error(failure.cause) if failure.HasField("cause") else None,
        details=from_payload(failure.details) if failure.HasField("details") else None,
        stack=failure.stack,
    )


def to_step_error(failed: FailedStep, attempts: int, failure: Failure | None) -> StepExecutionError:
    """The error that the code sees for a step that failed for good; the same live and on replay. An error of this SDK's own
    is that again only for the kind of step that raises it: what a child or a function raised is always the `cause`."""
    key, kind = failed
    cause = to_error(failure)
    if kind in (step.STEP_KIND_SUSPEND, step.STEP_KIND_WAIT_FOR_EVENT) and cause.type == "WaitTimeoutError":
        return WaitTimeoutError(key, cause)
    if kind == step.STEP_KIND_BATCH_INVOKE_AND_WAIT and cause.type == "BatchSizeError":
        return BatchSizeError(key, cause)
    if kind == step.STEP_KIND_RUN and cause.type == "StateConflictError":
        path = cause.details.get("path") if isinstance(cause.details, dict) else None
        return StateConflictError(key, attempts, cause, path if isinstance(path, str) else "")
    return StepExecutionError(key, attempts, cause)


def is_retryable(error: BaseException) -> bool:
    """Whether running the same thing again may help; for a group of errors, with each of them."""
    if _errors_in(error):
        return all(map(is_retryable, _errors_in(error)))
    return not isinstance(error, PolosError) or error.retryable


def _describe(error: BaseException, levels: int) -> Failure:
    cause = next(iter(_errors_in(error)), None) if error.__cause__ is None else error.__cause__
    step_key = error.step_key if isinstance(error, StepExecutionError) else ""
    remote = error if isinstance(error, RemoteError) else None
    return Failure(
        type=_cut(type(error).__name__ if remote is None else remote.type, _TYPE_BYTES_MAX),
        message=_cut(_printed(error) if remote is None else remote.message, _TEXT_BYTES_MAX),
        stack=_cut((remote and remote.stack) or _stack(error), _TEXT_BYTES_MAX),
        retryable=is_retryable(error),
        step_key=step_key if len(step_key.encode(errors="replace")) <= _STEP_KEY_BYTES_MAX else "",
        cause=_describe(cause, levels - 1) if cause is not None and cause is not error and levels > 1 else None,
        details=to_payload(_details_of(error) if remote is None else remote.details),
    )


def _errors_in(error: BaseException) -> Sequence[BaseException]:
    """The errors of a group, such as an `asyncio.TaskGroup` raises; none for any other error."""
    group = getattr(builtins, "BaseExceptionGroup", ())  # Since Python 3.11.
    errors: Sequence[BaseException] = getattr(error, "exceptions", ()) if isinstance(error, group) else ()
    return errors


def _details_of(error: BaseException) -> dict[str, Any] | None:
    """The data that other languages need to raise the same error."""
    if isinstance(error, (StateValidationError, PayloadValidationError, ResultValidationError)):
        return {"issues": [{"path": _place(issue.path), "message": _place(issue.message)} for issue in error.issues]}
    if isinstance(error, StateSizeError):
        return {"size": error.size, "maxSize": error.max_size}
    if isinstance(error, HookExecutionError):
        return {"hookName": error.hook_name, "phase": _PHASES[error.phase]}
    if isinstance(error, (StateConflictError, SerializationError)):
        return {"path": _place(error.path)}
    return None


def _place(text: str) -> str:
    """Names of members may be what JSON cannot hold, and that is often what the error is about."""
    return _cut(text, _PLACE_BYTES_MAX)


def _printed(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "an error that has no text"


def _stack(error: BaseException) -> str:
    try:
        lines = traceback.format_exception(type(error), error, error.__traceback__, limit=-_FRAMES_MAX, chain=False)
    except Exception:
        return ""
    return "".join(lines)


def _cut(text: str, bytes_max: int) -> str:
    """Cuts a text to a number of bytes, at a character, and makes it well-formed."""
    encoded = text.encode(errors="replace")
    if len(encoded) <= bytes_max:
        return encoded.decode()
    return encoded[: bytes_max - len(_CUT)].decode(errors="ignore") + _CUT
