from collections.abc import Callable
from typing import Any

from expressions import Scope, evaluate, member_of, split_pointer
from pydantic import BaseModel


def set_member(container: Any, name: str, value: Any) -> None:
    """Sets what a name stands for in a list, a dict or a model."""
    if isinstance(container, list):
        container[int(name)] = value
    elif isinstance(container, BaseModel):
        setattr(container, name, value)
    else:
        container[name] = value


def _increase(container: Any, name: str, value: Any) -> None:
    set_member(container, name, member_of(container, name) + value)


def _append(container: Any, name: str, value: Any) -> None:
    member_of(container, name).append(value)


def _change_each(verb: str, change: Callable[[Any, str, Any], None]) -> Callable[[dict[str, Any], Scope], None]:
    def change_all(instruction: dict[str, Any], scope: Scope) -> None:
        for pointer, expression in instruction[verb].items():
            value = evaluate(expression, scope)
            container, name = _place(scope, pointer)
            change(container, name, value)

    return change_all


def _remove(instruction: dict[str, Any], scope: Scope) -> None:
    container, name = _place(scope, instruction["remove"])
    del container[int(name) if isinstance(container, list) else name]


def _assign(instruction: dict[str, Any], scope: Scope) -> None:
    assert scope.ctx is not None
    scope.ctx.state = evaluate(instruction["assign"], scope)


def _place(scope: Scope, pointer: str) -> tuple[Any, str]:
    assert scope.ctx is not None
    *segments, last = split_pointer(pointer)
    container = scope.ctx.state
    for segment in segments:
        container = member_of(container, segment)
    return container, last


# The verbs that change the state.
STATE_CHANGES: dict[str, Callable[[dict[str, Any], Scope], None]] = {
    "set": _change_each("set", set_member),
    "increase": _change_each("increase", _increase),
    "append": _change_each("append", _append),
    "remove": _remove,
    "assign": _assign,
}
