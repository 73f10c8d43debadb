"""What `ctx.state` is to the code, and as a document."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError

from ..errors import StateValidationError
from ..issue import Issue, describe_issues
from ..schema import dump_model, issues_of
from .graft import graft, json_names
from .json import JsonObject, JsonRefusal, to_json_text
from .pointer import pointer_segment


class StateForm(Protocol):
    """A form of the state: a model, or an open object."""

    def read(self, text: str, what: str = "the state") -> Any:
        """Makes what the code works on of a document's text. Each call makes an object of its own.

        Raises StateValidationError if it does not fit.
        """

    def accept(self, value: object) -> Any:
        """What the code works on once it has assigned `value`.

        Raises StateValidationError for what cannot be a state.
        """

    def document(self, current: Any) -> JsonObject:
        """What the code works on as a document, which may hold what JSON cannot, and may be the very same object.

        Raises StateValidationError if it is none.
        """
        ...

    def check(self, current: Any, text: str) -> None:
        """Checks that a document fits, and comes back as what it is. `text`: what `current` is written as.

        Raises StateValidationError if not.
        """

    def change(self, current: Any, work: Callable[[JsonObject], JsonObject]) -> Any:
        """Has `work` change the document in place; it returns the document, or another one for the whole. Returns what the
        code works on from now on, which is the same object if it can be.

        Raises StateValidationError if what comes of it does not fit, and what `work` raises.
        """


class OpenForm:
    """An open JSON object: a dict."""

    def read(self, text: str, what: str = "the state") -> JsonObject:
        document: JsonObject = json.loads(text)
        return document

    def accept(self, value: object) -> object:
        return value

    def document(self, current: Any) -> JsonObject:
        if type(current) is not dict:
            raise invalid("the state", Issue("", f"must be a plain dict, not a {type(current).__name__}"))
        return current

    def check(self, current: Any, text: str) -> None:
        """JSON text is all that it must be."""

    def change(self, current: Any, work: Callable[[JsonObject], JsonObject]) -> Any:
        return work(self.document(current))


class ModelForm:
    """A pydantic model."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._model = model
        # Sets have no order of their own: another process would write another one.
        self._has_sets = '"uniqueItems": true' in json.dumps(model.model_json_schema())

    def read(self, text: str, what: str = "the state") -> BaseModel:
        try:
            return self._model.model_validate_json(text)
        except ValidationError as error:
            raise invalid(what, *issues_of(error)) from error

    def accept(self, value: object) -> object:
        if isinstance(value, self._model):
            return value
        if type(value) is not dict:
            expected = f"must be a {self._model.__name__}, not a {type(value).__name__}"
            raise invalid("the state", Issue("", expected))
        try:
            return self._model.model_validate(value)
        except ValidationError as error:
            raise invalid("the state", *issues_of(error)) from error

    def document(self, current: Any) -> JsonObject:
        try:
            document = dump_model(current)
        except JsonRefusal as refusal:
            raise invalid("the state", Issue(refusal.path, refusal.reason)) from refusal
        if self._has_sets:
            _sort_sets(current, document)
        return document

    def check(self, current: Any, text: str) -> None:
        restored = self.read(text)
        if restored == current:
            return
        path = _first_alteration(current, restored, "")
        if path is not None:
            raise invalid("the state", Issue(path, "would not come back from JSON as it is"))

    def change(self, current: Any, work: Callable[[JsonObject], JsonObject]) -> Any:
        before, after = self.document(current), work(self.document(current))
        source = self.read(to_json_text(after))
        return graft(current, before, source, self.document(source))


@lru_cache(maxsize=1_000)
def form_of(model: type[BaseModel] | None) -> StateForm:
    """The form of a state whose schema is `model`; None for an open object."""
    return OpenForm() if model is None else ModelForm(model)


def invalid(what: str, *issues: Issue) -> StateValidationError:
    """The error for a state that must not be."""
    return StateValidationError(describe_issues(what, issues), issues)


def _sort_sets(value: Any, written: Any) -> None:
    """Brings the elements of sets into an order that does not depend on the process."""
    if isinstance(value, BaseModel) and type(written) is dict:
        for field, name in json_names(type(value)).items():
            _sort_sets(getattr(value, field), written.get(name))
    elif isinstance(value, dict) and type(written) is dict and len(value) == len(written):
        for member, written_member in zip(value.values(), written.values(), strict=True):
            _sort_sets(member, written_member)
    elif isinstance(value, (list, tuple)) and type(written) is list and len(value) == len(written):
        for element, written_element in zip(value, written, strict=True):
            _sort_sets(element, written_element)
    elif isinstance(value, (set, frozenset)) and type(written) is list:
        written.sort(key=lambda element: json.dumps(element, sort_keys=True))


def _first_alteration(value: Any, restored: Any, path: str) -> str | None:
    """The place of the first value that JSON brings back as another one. Private attributes are not part of a state."""
    if isinstance(value, BaseModel) and type(value) is type(restored):
        members, others = _members(value), _members(restored)
    elif type(value) is dict and type(restored) is dict:
        members, others = value, restored
    elif type(value) is list and type(restored) is list and len(value) == len(restored):
        members, others = dict(enumerate(value)), dict(enumerate(restored))
    else:
        return None if value == restored else path
    for key in {**members, **others}:
        place = path + pointer_segment(key if isinstance(key, int) else str(key))
        found = _first_alteration(members[key], others[key], place) if key in members and key in others else place
        if found is not None:
            return found
    return None


def _members(model: BaseModel) -> dict[Any, Any]:
    names = json_names(type(model))
    fields = {names.get(field, field): value for field, value in model.__dict__.items()}
    return {**fields, **(model.__pydantic_extra__ or {})}
