import asyncio
from typing import Any

from expressions import Host, Scope, evaluate, interpolate
from plain import describe_error, describe_value
from polos import WorkflowContext
from state_changes import STATE_CHANGES
from step_bodies import named_error
from step_verbs import STEPS


class GoesOn:
    """What a list of instructions that did not return comes to."""


GOES_ON = GoesOn()


async def run_handler(instructions: Any, ctx: WorkflowContext[Any], payload: Any, host: Host) -> Any:
    """Runs a workflow's instructions as its handler."""
    return _returned(await run_all(instructions, Scope(ctx, host, payload=describe_value(payload))))


async def run_hook(instructions: Any, ctx: WorkflowContext[Any], hook: Any, host: Host) -> Any:
    """Runs a hook's instructions; what they return decides."""
    return _returned(await run_all(instructions, Scope(ctx, host, hook=hook)))


async def run_all(instructions: Any, scope: Scope) -> Any:
    """Runs instructions up to the one that returns."""
    for instruction in instructions:
        returned = await _run(instruction, scope)
        if returned is not GOES_ON:
            return returned
    return GOES_ON


async def _run(instruction: dict[str, Any], scope: Scope) -> Any:
    verb = next(name for name in instruction if name in CONTROL or name in STATE_CHANGES or name in STEPS)
    if verb in CONTROL:
        return await CONTROL[verb](instruction, scope)
    if verb in STATE_CHANGES:
        STATE_CHANGES[verb](instruction, scope)
        return GOES_ON
    key = interpolate(instruction[verb], scope)
    scope.results[key] = describe_value(await STEPS[verb](key, instruction, scope, run_all))
    return GOES_ON


async def _return(instruction: Any, scope: Scope) -> Any:
    return evaluate(instruction["return"], scope)


async def _throw(instruction: Any, scope: Scope) -> Any:
    assert scope.ctx is not None
    if scope.ctx.retry_count < instruction.get("attempts", float("inf")):
        raise named_error(instruction["throw"]["type"], instruction["throw"]["message"])
    return GOES_ON


async def _try(instruction: Any, scope: Scope) -> Any:
    try:
        return await run_all(instruction["try"], scope)
    except Exception as error:
        caught = describe_error(error)
    return await run_all(instruction["catch"], scope.having("error", caught))


async def _each(instruction: Any, scope: Scope) -> Any:
    for element in evaluate(instruction["each"], scope):
        returned = await run_all(instruction["do"], scope.having(instruction["as"], element))
        if returned is not GOES_ON:
            return returned
    return GOES_ON


async def _parallel(instruction: Any, scope: Scope) -> Any:
    branches = (run_all(branch, scope) for branch in instruction["parallel"])
    scope.results[instruction.get("as", "parallel")] = [_returned(each) for each in await asyncio.gather(*branches)]
    return GOES_ON


async def _race(instruction: Any, scope: Scope) -> Any:
    branches = [asyncio.create_task(run_all(branch, scope)) for branch in instruction["race"]]
    done, _ = await asyncio.wait(branches, return_when=asyncio.FIRST_COMPLETED)
    winner = next(each for each in branches if each in done)
    scope.results[instruction.get("as", "race")] = _returned(winner.result())
    return GOES_ON


def _returned(value: Any) -> Any:
    return None if value is GOES_ON else value


CONTROL = {"return": _return, "throw": _throw, "try": _try, "each": _each, "parallel": _parallel, "race": _race}
