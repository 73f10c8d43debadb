import copy
import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from plain import describe_value
from polos import WorkflowContext
from pydantic import BaseModel


class Point:
    """An object that JSON would alter."""


def _cycle() -> dict[str, Any]:
    cycle: dict[str, Any] = {}
    cycle["self"] = cycle
    return cycle


# Values that JSON cannot hold, by the runner's names for them. Each is made anew.
VALUES: dict[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "nan": lambda: float("nan"),
    "infinity": lambda: float("inf"),
    "minus infinity": lambda: float("-inf"),
    "minus zero": lambda: -0.0,
    "integer too large": lambda: 2**53,
    "integer too small": lambda: -(2**53),
    "lone surrogate": lambda: "a\ud800",
    "name with a lone surrogate": lambda: {"a\udc00": 1},
    "date": lambda: datetime.datetime.fromtimestamp(0, datetime.timezone.utc),
    "set": lambda: {1},
    "bytes": lambda: b"\x01",
    "function": lambda: lambda: 1,
    "instance": Point,
    "cycle": _cycle,
}


@dataclass(frozen=True)
class Host:
    """In which worker of which project a workflow runs, and what is defined there."""

    project: str
    worker: str
    definitions: dict[str, Any]


@dataclass(frozen=True)
class Scope:
    """What the instructions of one run can refer to."""

    ctx: WorkflowContext[Any] | None = None
    host: Host | None = None
    payload: Any = None
    hook: Any = None
    results: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)

    def having(self, name: str, value: Any) -> "Scope":
        """The same with one more variable."""
        return replace(self, variables={**self.variables, name: value})


def evaluate(expression: Any, scope: Scope) -> Any:
    """The value of an expression: a literal, `{"!get": "ROOT/PATH"}` or `{"!value": NAME}`, at any depth."""
    if isinstance(expression, list):
        return [evaluate(each, scope) for each in expression]
    if not isinstance(expression, dict):
        return expression
    if isinstance(expression.get("!get"), str):
        return _look_up(expression["!get"], scope)
    if isinstance(expression.get("!value"), str):
        return VALUES[expression["!value"]]()
    return {key: evaluate(member, scope) for key, member in expression.items()}


def interpolate(key: Any, scope: Scope) -> Any:
    """A key whose `{name}` are replaced by the scope's variables."""
    if not isinstance(key, str):
        return evaluate(key, scope)
    return re.sub(r"\{(\w+)\}", lambda match: str(scope.variables[match[1]]), key)


def split_pointer(pointer: str) -> list[str]:
    """The segments of a JSON Pointer."""
    return [_unescaped(segment) for segment in pointer.split("/")[1:]]


def member_of(value: Any, segment: str) -> Any:
    """What a pointer's segment names in a value, or None."""
    if isinstance(value, list):
        return value[int(segment)] if segment.isdigit() and int(segment) < len(value) else None
    if isinstance(value, BaseModel):
        return getattr(value, segment, None)
    return value.get(segment) if isinstance(value, dict) else None


def _look_up(path: str, scope: Scope) -> Any:
    root, *segments = [_unescaped(segment) for segment in path.split("/")]
    value = _root_of(root, scope)
    for segment in segments:
        value = member_of(value, segment)
    return copy.deepcopy(describe_value(value))


def _root_of(root: str, scope: Scope) -> Any:
    if root in ("payload", "results", "hook"):
        return getattr(scope, root)
    if scope.ctx is not None and root == "state":
        return scope.ctx.state
    if scope.ctx is not None and root == "execution":
        return _execution_of(scope.ctx)
    return scope.variables.get(root)


def _execution_of(ctx: WorkflowContext[Any]) -> dict[str, Any]:
    return {
        "id": ctx.execution_id,
        "workflow": ctx.workflow_id,
        "parent": ctx.parent_execution_id,
        "root": ctx.root_execution_id,
        "rootWorkflow": ctx.root_workflow_id,
        "session": ctx.session_id,
        "user": ctx.user_id,
        "retryCount": ctx.retry_count,
    }


def _unescaped(segment: str) -> str:
    return segment.replace("~1", "/").replace("~0", "~")
