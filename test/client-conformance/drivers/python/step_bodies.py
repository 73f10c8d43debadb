import asyncio
import builtins
from collections.abc import Awaitable, Callable
from typing import Any

from expressions import Scope, evaluate
from lines import say
from polos import step_attempt

# Steps whose functions wait for the runner, by project and key; a function that comes later finds its release.
_gates: dict[tuple[str, str], asyncio.Event] = {}


def release(project: str, step: str) -> None:
    """Lets the function of a step go on that waits for it, or will."""
    _gate_of(project, step).set()


def release_all(project: str) -> None:
    """Lets all functions of a project go on."""
    for name in [name for name in _gates if name[0] == project]:
        _gates.pop(name).set()


def step_body(
    instruction: dict[str, Any], key: str, scope: Scope, run_inside: Callable[[Any], Awaitable[Any]]
) -> Callable[[], Awaitable[Any]]:
    """The function of a `step` instruction. `run_inside` runs the instructions within it."""
    assert scope.ctx is not None
    assert scope.host is not None
    host, ctx = scope.host, scope.ctx

    async def body():  # type: ignore[no-untyped-def]  # An annotation would be the schema of the result.
        attempt = step_attempt()
        say(
            {
                "event": "ran",
                "project": host.project,
                "worker": host.worker,
                "step": key,
                "attempt": attempt.attempt,
                "execution": ctx.execution_id,
            }
        )
        if "do" in instruction:
            await run_inside(instruction["do"])
        holds = instruction.get("holds")
        if holds == "until released":
            await _gate_of(host.project, key).wait()
        elif holds == "until cancelled":
            await attempt.signal.wait()
        beats = instruction.get("heartbeats", {"times": 0, "everyMs": 0})
        for _ in range(beats["times"]):
            await asyncio.sleep(beats["everyMs"] / 1_000)
            attempt.heartbeat()
        if "sleepsMs" in instruction:
            await asyncio.sleep(instruction["sleepsMs"] / 1_000)
        fails = instruction.get("fails")
        if fails is not None and attempt.attempt <= fails.get("attempts", float("inf")):
            raise named_error(fails["type"], fails["message"])
        return evaluate(instruction.get("returns"), scope.having("attempt", attempt.attempt))

    return body


def named_error(name: str, message: str) -> Exception:
    """An error of a type that exists nowhere but in the workflow, or of Python's own."""
    known = getattr(builtins, name, None)
    kind = known if isinstance(known, type) and issubclass(known, Exception) else type(name, (Exception,), {})
    return kind(message)


def _gate_of(project: str, step: str) -> asyncio.Event:
    return _gates.setdefault((project, step), asyncio.Event())
