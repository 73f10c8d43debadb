import datetime
from collections.abc import Awaitable, Callable
from typing import Any

from expressions import Scope, evaluate
from polos import BatchWorkflowInput, Steps
from step_bodies import step_body

RunAll = Callable[[Any, Scope], Awaitable[Any]]


async def _step(key: str, instruction: dict[str, Any], scope: Scope, run_all: RunAll) -> Any:
    given = instruction.get("options", {})
    names = {"baseDelayMs": "base_delay", "maxDelayMs": "max_delay", "timeoutMs": "timeout"}
    seconds = {**names, "heartbeatTimeoutMs": "heartbeat_timeout"}
    options = {own: given[name] / 1_000 for name, own in seconds.items() if name in given}
    others = {"maxRetries": "max_retries", "nonRetryable": "non_retryable"}
    options |= {own: given[name] for name, own in others.items() if name in given}
    body = step_body(instruction, key, scope, lambda instructions: run_all(instructions, scope))
    return await _steps(scope).run(key, body, **options)


async def _wait_until(key: str, instruction: dict[str, Any], scope: Scope, _: RunAll) -> Any:
    seconds = evaluate(instruction["secondsFromNow"], scope)
    time = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return await _steps(scope).wait_until(key, time)


async def _resume(key: str, instruction: dict[str, Any], scope: Scope, _: RunAll) -> Any:
    return await _steps(scope).resume(
        key,
        suspend_step_key=evaluate(instruction["suspended"], scope),
        suspend_execution_id=evaluate(instruction["execution"], scope),
        data=evaluate(instruction.get("data"), scope),
    )


async def _publish(key: str, instruction: dict[str, Any], scope: Scope, _: RunAll) -> Any:
    data = evaluate(instruction.get("data"), scope)
    event_type = evaluate(instruction.get("type"), scope)
    if "topic" not in instruction:
        return await _steps(scope).publish_workflow_event(key, data, event_type)
    return await _steps(scope).publish_event(key, evaluate(instruction["topic"], scope), data, event_type)


async def _child(key: str, instruction: dict[str, Any], scope: Scope, _: RunAll) -> Any:
    steps = _steps(scope)
    invoke = steps.invoke if instruction.get("waits") is False else steps.invoke_and_wait
    return await invoke(key, **_child_of(instruction, scope))


async def _batch(key: str, instruction: dict[str, Any], scope: Scope, _: RunAll) -> Any:
    items: list[BatchWorkflowInput[Any]] = [
        BatchWorkflowInput(**_child_of(item, scope)) for item in instruction["items"]
    ]
    steps = _steps(scope)
    if instruction.get("waits") is False:
        return await steps.batch_invoke(key, items)
    return await steps.batch_invoke_and_wait(key, items)


def _simple(call: Callable[[Steps, str, Callable[[str], Any]], Awaitable[Any]]) -> Any:
    async def run(key: str, instruction: dict[str, Any], scope: Scope, _: RunAll) -> Any:
        return await call(_steps(scope), key, lambda name: evaluate(instruction.get(name), scope))

    return run


def _child_of(described: dict[str, Any], scope: Scope) -> dict[str, Any]:
    """A child's workflow, payload and options. One that the driver has the definition of is given as that."""
    names = {
        "payload": "payload",
        "initialState": "initial_state",
        "queue": "queue",
        "concurrencyKey": "concurrency_key",
        "runTimeoutSeconds": "run_timeout_seconds",
        "priority": "priority",
    }
    workflow = evaluate(described["workflow"], scope)
    if described.get("defined") and scope.host is not None:
        workflow = scope.host.definitions[workflow]
    given = {own: evaluate(described[name], scope) for name, own in names.items() if name in described}
    return {"workflow": workflow, **given}


def _steps(scope: Scope) -> Steps:
    assert scope.ctx is not None
    return scope.ctx.step


# The verbs that are steps.
STEPS: dict[str, Callable[[str, dict[str, Any], Scope, RunAll], Awaitable[Any]]] = {
    "step": _step,
    "uuid": _simple(lambda steps, key, _: steps.uuid(key)),
    "now": _simple(lambda steps, key, _: steps.now(key)),
    "random": _simple(lambda steps, key, _: steps.random(key)),
    "wait": _simple(lambda steps, key, value: steps.wait_for(key, seconds=value("seconds"))),
    "waitUntil": _wait_until,
    "suspend": _simple(lambda steps, key, value: steps.suspend(key, value("data"), value("timeoutSeconds"))),
    "resume": _resume,
    "waitForEvent": _simple(
        lambda steps, key, value: steps.wait_for_event(key, value("topic"), value("timeoutSeconds"), value("after"))
    ),
    "publishEvent": _publish,
    "child": _child,
    "batch": _batch,
}
