"""What `ctx.step.run` is given."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from .errors import InvalidStepError
from .state.state_document import StateDocument

_SECONDS_MAX = 2**31 / 1_000

_CONTAINERS = (BaseModel, dict, list, set)
"""What can be changed in place in a state."""


def assert_function(step_key: str, func: object, document: StateDocument) -> None:
    """Refuses what is no function, and methods of the state's own objects: those would change the handler's state and not the
    step's copy, and a replay, which does not call them again, would come to another state.

    Raises InvalidStepError.
    """
    if not callable(func):
        if inspect.iscoroutine(func):
            func.close()  # Nobody will await it.
        advice = f'pass the function itself, and its arguments after it: ctx.step.run("{step_key}", function, argument)'
        raise InvalidStepError(f'step "{step_key}" needs a function, not {func!r:.80}; {advice}')
    while isinstance(func, functools.partial):
        func = func.func
    owner = getattr(func, "__self__", None)
    if not isinstance(owner, _CONTAINERS) or not _holds(document.current, owner):
        return
    name = getattr(func, "__name__", "a method")
    advice = f"have a function name the state when it runs: lambda: ctx.state.<...>.{name}(..)"
    raise InvalidStepError(f'step "{step_key}" is given "{name}" of the state itself, not of its copy; {advice}')


def assert_retries(max_retries: object) -> None:
    """Raises InvalidStepError for what is no number of retries."""
    if type(max_retries) is not int or not 0 <= max_retries <= 1_000:
        raise InvalidStepError(f"max_retries must be an integer from 0 to 1,000, not {max_retries!r:.80}")


def assert_seconds(name: str, seconds: object) -> None:
    """Raises InvalidStepError for what is no length of time that a timer takes."""
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not is_number or not 0 <= seconds < _SECONDS_MAX:  # type: ignore[operator]
        raise InvalidStepError(f"{name} must be seconds, from 0 to 2,147,483, not {seconds!r:.80}")


def _holds(value: object, wanted: object) -> bool:
    """Whether an object is the value, or somewhere in it."""
    left, seen = [value], set()
    while left:
        each = left.pop()
        if each is wanted:
            return True
        if id(each) not in seen:
            seen.add(id(each))
            left.extend(_members_of(each))
    return False


def _members_of(value: Any) -> Iterable[object]:
    if isinstance(value, BaseModel):
        return [*vars(value).values(), *(value.__pydantic_extra__ or {}).values()]
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, (list, tuple, set, frozenset)) else ()
