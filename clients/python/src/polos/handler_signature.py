"""What a handler's parameters and annotations say of its workflow."""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from pydantic import PydanticSchemaGenerationError, TypeAdapter


@dataclass(frozen=True)
class HandlerSignature:
    """What is known of a handler as soon as its annotations can be resolved."""

    takes_payload: bool
    """Whether it has a second parameter."""
    payload_schema: TypeAdapter[Any] | None
    """What that parameter is annotated with; None for no annotation, and for `Any`."""
    output_schema: TypeAdapter[Any] | None
    """What it is annotated to return; None for no annotation, and for `Any`."""
    is_async: bool
    """Whether it is a coroutine function. Others run in a thread."""


def count_parameters(handler: Callable[..., Any], workflow_id: str) -> int:
    """How many parameters a handler takes, 1 or 2.

    Raises TypeError for any other number.
    """
    parameters = list(inspect.signature(handler).parameters.values())
    named = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    required_keywords = [each for each in parameters if each.kind is each.KEYWORD_ONLY and each.default is each.empty]
    if len(named) not in (1, 2) or required_keywords:
        given = f"{getattr(handler, '__qualname__', handler)}{inspect.signature(handler)}"
        advice = "write it as handler(ctx) or handler(ctx, payload)"
        raise TypeError(
            f'the handler of "{workflow_id}" must take a context and, if it likes, a payload, not {given}; {advice}'
        )
    return len(named)


def read_signature(handler: Callable[..., Any], workflow_id: str, names: Mapping[str, Any]) -> HandlerSignature:
    """Resolves a handler's annotations, which may be texts (PEP 563).

    `names`: what the annotations may mention besides the handler's globals, for a handler that is defined in a function.

    Raises NameError for an annotation that mentions what is not defined yet, TypeError for one that pydantic has no
    schema for.
    """
    takes_payload = count_parameters(handler, workflow_id) == 2
    function = inspect.unwrap(handler) if inspect.isroutine(handler) else type(handler).__call__
    payload_name = list(inspect.signature(handler).parameters)[1] if takes_payload else ""
    # That of the context says nothing here, and may be imported for type checkers only.
    needed = {name: value for name, value in _annotations(function).items() if name in (payload_name, "return")}
    holder = SimpleNamespace(__annotations__=needed)
    module = getattr(function, "__globals__", {})
    hints = typing.get_type_hints(holder, globalns=module, localns=dict(names), include_extras=True)
    return HandlerSignature(
        takes_payload=takes_payload,
        payload_schema=to_schema(hints.get(payload_name, Any), f'the payload of "{workflow_id}"'),
        output_schema=to_schema(hints.get("return", Any), f'the result of "{workflow_id}"'),
        is_async=inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(function),
    )


def _annotations(function: Callable[..., Any]) -> Mapping[str, Any]:
    if sys.version_info >= (3, 14):
        import annotationlib

        return annotationlib.get_annotations(function, format=annotationlib.Format.FORWARDREF)
    return function.__annotations__


def to_schema(annotation: Any, what: str) -> TypeAdapter[Any] | None:
    """The schema of a type; None for `Any`, `object` and a type variable, which say nothing.

    Raises TypeError for a type that pydantic has no schema for.
    """
    if annotation is Any or annotation is object or isinstance(annotation, typing.TypeVar):
        return None
    if isinstance(annotation, TypeAdapter):
        return annotation
    try:
        return TypeAdapter(annotation)
    except PydanticSchemaGenerationError as error:
        raise TypeError(f"{what} is of a type that pydantic has no schema for: {annotation!r}") from error
