"""What functions say that they return."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any
from weakref import WeakKeyDictionary

from pydantic import TypeAdapter

from .handler_signature import to_schema

_known: WeakKeyDictionary[Callable[..., Any], TypeAdapter[Any] | None] = WeakKeyDictionary()


def result_schema(function: Callable[..., Any]) -> TypeAdapter[Any] | None:
    """The schema of what a step's function is annotated to return: that is what the code gets, live and on replay.

    None for no annotation, and for one that cannot be resolved or that pydantic has no schema for: then it is plain data.
    """
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(getattr(function, "__func__", function))
    if not inspect.isfunction(function) and not inspect.isclass(function):
        function = type(function).__call__
    try:
        if function not in _known:
            _known[function] = _read(function)
        return _known[function]
    except TypeError:  # What is built in has no annotations.
        return None


def _read(function: Callable[..., Any]) -> TypeAdapter[Any] | None:
    try:
        if inspect.isclass(function):
            return to_schema(function, "the result")
        annotation = typing.get_type_hints(function, include_extras=True).get("return", Any)
        if typing.get_origin(annotation) in (Awaitable, Coroutine):
            annotation = typing.get_args(annotation)[-1]
        return None if annotation is type(None) else to_schema(annotation, "the result")
    except Exception:  # Whatever an annotation may be, it is no reason not to run the function.
        return None
