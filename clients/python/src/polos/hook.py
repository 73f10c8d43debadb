"""Hooks: code that runs before and after a workflow's handler."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias, overload

from .errors import RemoteError
from .name import is_text

HookPhase: TypeAlias = Literal["on_start", "on_end"]
"""When a hook runs: before the handler, or once the execution's outcome is decided."""

_NAME_BYTES_MAX = 200


@dataclass(frozen=True)
class HookContext:
    """What a hook is told. Payload and output are copies: a hook changes them with `HookResult.continue_with` only."""

    workflow_id: str
    """The workflow's id."""
    session_id: str
    """The execution's session."""
    user_id: str | None
    """The user on whose behalf it runs, if the caller said."""
    current_payload: Any
    """What the handler receives, as the hooks before this one made it."""
    current_output: Any
    """In on_end after a success: what the caller gets, as the hooks before this one made it. Else None."""
    current_error: RemoteError | None
    """In on_end after a failure: the very error that the caller gets as the cause of its WorkflowFailedError. Else None."""
    phase: HookPhase
    """When it runs."""


class HookAction:
    """What a hook can decide."""

    CONTINUE: Literal["continue"] = "continue"
    FAIL: Literal["fail"] = "fail"


@dataclass(frozen=True)
class HookResult:
    """What a hook decided. Make it with `continue_with` or `fail`; a hook that returns None goes on."""

    action: Literal["continue", "fail"] = HookAction.CONTINUE
    error_message: str | None = None
    """Why it does not go on."""
    modified_payload: Any = None
    modified_output: Any = None

    @classmethod
    def continue_with(cls, *, modified_payload: Any = None, modified_output: Any = None) -> HookResult:
        """Goes on with another payload (on_start) or output (on_end after a success). The payload must be what a caller could
        have sent: it goes through the payload's schema; the output through that of the result. None changes nothing."""
        return cls(modified_payload=modified_payload, modified_output=modified_output)

    @classmethod
    def fail(cls, message: str) -> HookResult:
        """Fails the execution for good, with a HookExecutionError of this message. A failure that came first stays."""
        return cls(HookAction.FAIL, message)


HookHandler: TypeAlias = Callable[..., Any]
"""The code of a hook, `handler(ctx, hook_context)`, async or not. It is the function of a step: it may do I/O, its changes of
`ctx.state` count once it has succeeded, it is retried when it raises, and it must not use `ctx.step`. It returns None or a
HookResult."""


@dataclass(frozen=True)
class Hook:
    """A hook with its name and options; those of its retries are as of `step.run`."""

    handler: HookHandler
    name: str
    """Its part of the key under which it is recorded, 1 to 200 bytes."""
    description: str | None = None
    """What it does, for people."""
    options: dict[str, Any] = field(default_factory=dict)
    """Arguments of `step.run`: max_retries, base_delay, max_delay, timeout, heartbeat_timeout, non_retryable."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls the function."""
        return self.handler(*args, **kwargs)


@overload
def hook(handler: HookHandler, /) -> Hook: ...
@overload
def hook(
    *,
    name: str | None = None,
    description: str | None = None,
    max_retries: int = 2,
    base_delay: float = 1.0,
    max_delay: float = 10.0,
    timeout: float | None = None,
    heartbeat_timeout: float | None = None,
    non_retryable: Sequence[str | type[BaseException]] = (),
) -> Callable[[HookHandler], Hook]: ...
def hook(
    handler: HookHandler | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    **options: Any,
) -> Hook | Callable[[HookHandler], Hook]:
    """Defines a hook for `on_start` or `on_end` of any number of workflows: `@hook`, or `@hook(...)` with options.

    `name`: its part of the key under which it is recorded, 1 to 200 bytes. Default: the function's name. A name that changes
    is a changed program.

    Raises TypeError if it is given no function, or a name that is none.
    """

    def define(function: HookHandler) -> Hook:
        return _named(function, name, description, options)

    return define if handler is None else define(handler)


class PlacedHook(NamedTuple):
    """A hook at its place in a workflow."""

    hook: Hook
    phase: HookPhase
    key: str
    """The key under which it is recorded."""


def place_hooks(hooks: Sequence[Any], phase: HookPhase) -> list[PlacedHook]:
    """The hooks of a workflow in their order. Raises TypeError for what is no hook."""
    placed = [each if isinstance(each, Hook) else _named(each, None, None, {}) for each in hooks]
    return [PlacedHook(each, phase, f"{phase}.{each.name}.{index}") for index, each in enumerate(placed)]


def _named(handler: HookHandler, name: str | None, description: str | None, options: dict[str, Any]) -> Hook:
    if not callable(handler):
        raise TypeError("a hook must be a function, or what @hook makes of one")
    known: object = getattr(handler, "__name__", "hook") if name is None else name
    if not is_text(known, _NAME_BYTES_MAX):
        raise TypeError(f"a hook's name must be a text of 1 to {_NAME_BYTES_MAX} bytes")
    return Hook(handler, known, description, options)
