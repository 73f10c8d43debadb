"""The state of one execution while its handler runs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel

from ..errors import StateSizeError, StateValidationError
from ..issue import Issue
from .conflict import find_conflict
from .diff import diff
from .json import JsonObject, JsonRefusal, byte_length, json_equals, to_json_text, write_json
from .patch import PatchMismatch, PatchOperation, apply_if_possible, apply_patch
from .state_form import StateForm, form_of, invalid

T = TypeVar("T")

STATE_BYTES_MAX = 1_048_576
"""Bytes of a state's JSON text in UTF-8."""


class Recorded(NamedTuple):
    """The document of the last commit."""

    text: str
    revision: int


@dataclass(frozen=True)
class StateChange:
    """What changed since the last commit, ready to be sent."""

    base_revision: int
    """The revision that the change is against."""
    patch: str | None
    """A JSON Patch as text; None if `document` is given."""
    document: str | None
    """The whole document, where that is shorter."""


@dataclass
class StateDraft:
    """A step's function's own copy of the state."""

    form: StateForm
    current: Any
    """What the function works on. May be reassigned."""
    base: JsonObject
    """The document as it was when the copy was made."""

    def assign(self, value: object) -> None:
        """Makes `value` the copy.

        Raises StateValidationError for what cannot be a state.
        """
        self.current = self.form.accept(value)

    def patch(self) -> str:
        """What the step's function changed in its copy, as the text of a JSON Patch; empty for nothing.

        Raises StateValidationError if it must not be saved so.
        """
        document = self.form.document(self.current)
        operations = _as_state_error(lambda: diff(self.base, document))
        if not operations:
            return ""
        self.form.check(self.current, write_json(document))
        return write_json(operations)


class StateDocument:
    """The document that the code changes, and a private copy of the last one committed, against which changes are found.
    Nothing is copied or written as long as nothing changes."""

    def __init__(self, form: StateForm, current: Any, recorded: Recorded) -> None:
        self._form = form
        self._current = current
        self._committed: JsonObject = json.loads(recorded.text or "{}")
        self._revision = recorded.revision

    @classmethod
    def open(cls, initial: str, recorded: Recorded, schema: type[BaseModel] | None = None) -> StateDocument:
        """The document at the start of a handler: the initial state with the schema's defaults.

        - `initial`: JSON text, or empty for none.
        - `recorded`: against which the first change is found.

        Raises StateValidationError if the initial state does not fit the schema.
        """
        form = form_of(schema)
        return cls(form, form.read(initial or "{}", "the initial state"), recorded)

    @classmethod
    def text(cls, document: JsonObject, schema: type[BaseModel] | None) -> str:
        """The text of a document that the schema accepts, with its defaults.

        Raises StateValidationError, StateSizeError if it must not be saved.
        """
        form = form_of(schema)
        current = form.read(_as_state_error(lambda: to_json_text(document)))
        text = _as_state_error(lambda: to_json_text(form.document(current)))
        size = byte_length(text)
        if size > STATE_BYTES_MAX:
            raise StateSizeError(size, STATE_BYTES_MAX)
        return text

    @property
    def current(self) -> Any:
        """What `ctx.state` is. The code may change it in place."""
        return self._current

    def assign(self, value: object) -> None:
        """Makes another value what `ctx.state` is.

        Raises StateValidationError for what cannot be a state.
        """
        self._current = self._form.accept(value)

    @property
    def revision(self) -> int:
        """The revision of the last commit."""
        return self._revision

    def change(self) -> StateChange | None:
        """Finds what changed since the last commit, and checks that the new state may be saved. `committed` makes it the
        base.

        Returns None if nothing changed. Raises StateValidationError, StateSizeError if it must not be saved.
        """
        document = self._form.document(self._current)
        operations = _as_state_error(lambda: diff(self._committed, document))
        if not operations:
            return None
        text = write_json(document)
        size = byte_length(text)
        if size > STATE_BYTES_MAX:
            raise StateSizeError(size, STATE_BYTES_MAX)
        self._form.check(self._current, text)
        patch = write_json(operations)
        # A patch tells readers more than a document does; only a long one gives way.
        if len(patch) >= 1_000 and len(text) < len(patch):
            return StateChange(self._revision, None, text)
        return StateChange(self._revision, patch, None)

    def committed(self, change: StateChange | None, revision: int) -> None:
        """Takes note that a change was saved, as this revision."""
        self._revision = revision
        if change is None:
            return
        if change.document is not None:
            self._committed = json.loads(change.document)
        else:
            self._committed = apply_patch(self._committed, json.loads(change.patch or "[]"))

    def draft(self) -> StateDraft:
        """A copy for a step's function.

        Raises StateValidationError if JSON cannot hold the state as it is now.
        """
        document = self._form.document(self._current)
        text = _as_state_error(lambda: to_json_text(document))
        return StateDraft(self._form, self._form.read(text), json.loads(text))

    def conflict(self, patch: str, base: JsonObject) -> str | None:
        """Finds a place that both a step's function and another branch changed.

        `base`: the document that the function started from. Returns the place as a JSON Pointer, or None.
        """
        try:
            document = self._form.document(self._current)
        except StateValidationError:
            return ""
        return find_conflict(base, document, json.loads(patch))

    def apply(self, patch: str) -> None:
        """Applies what a step's function changed.

        Raises PatchMismatch if the patch does not fit the document; StateValidationError if what comes of it must not be.
        """
        operations: list[PatchOperation] = json.loads(patch)
        self._current = self._form.change(self._current, lambda document: apply_patch(document, operations))

    def change_aside(self, patch: str, is_before_code: bool) -> list[str]:
        """Applies what somebody else changed, at its place in the recorded order; references into the document stay valid.

        `is_before_code`: whether code that made some of it will run again: see StepRecord.before_code.

        Returns the places that are not there, as JSON Pointers: what the patch says of them was left out. Raises PatchMismatch
        if the patch does not fit the document, and should; StateValidationError if what comes of it must not be.
        """
        left_out: list[str] = []

        def change(document: JsonObject) -> JsonObject:
            operations: list[PatchOperation] = []
            for operation in json.loads(patch):
                is_whole = operation["path"] == "" and operation["op"] != "remove"
                operations += diff(document, operation["value"]) if is_whole else [operation]
            if not is_before_code:
                return apply_patch(document, operations)
            left_out.extend(each["path"] for each in operations if not apply_if_possible(document, each))
            return document

        self._current = self._form.change(self._current, change)
        return left_out

    def rehearse(self, patch: str) -> None:
        """Applies a change of a document in another form, operation by operation, as far as it fits."""
        for operation in json.loads(patch):
            with contextlib.suppress(PatchMismatch, StateValidationError):
                self.change_aside(json.dumps([operation]), True)

    def become(self, document: JsonObject) -> None:
        """Makes the document another one; references into it stay valid where both have something.

        Raises StateValidationError if it does not fit the schema.
        """

        def change(current: JsonObject) -> JsonObject:
            return apply_patch(current, _as_state_error(lambda: diff(current, document)))

        self._current = self._form.change(self._current, change)

    def difference_from_committed(self) -> str | None:
        """Compares the document with the last committed one, which a replay must have rebuilt. Defaults of a schema that
        was extended meanwhile make no difference.

        Returns the JSON Pointer of the first difference, or None.
        """
        document = self._form.document(self._current)
        if json_equals(self._committed, document):
            return None
        recorded, rebuilt = self._normalized(self._committed), self._normalized(document)
        if recorded is not None and (json_equals(recorded, document) or json_equals(recorded, rebuilt)):
            return None
        operations = _as_state_error(lambda: diff(self._committed, document))
        return operations[0]["path"] if operations else ""

    def _normalized(self, document: JsonObject) -> JsonObject | None:
        """A document as the schema returns it; None if it does not fit."""
        try:
            return self._form.document(self._form.read(_as_state_error(lambda: to_json_text(document))))
        except StateValidationError:
            return None


def _as_state_error(work: Callable[[], T]) -> T:
    try:
        return work()
    except JsonRefusal as refusal:
        raise invalid("the state", Issue(refusal.path, refusal.reason)) from None
