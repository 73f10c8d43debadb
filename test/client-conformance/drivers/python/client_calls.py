from collections.abc import AsyncIterator, Callable
from typing import Any

from definitions import to_workflow
from expressions import Host, Scope, evaluate
from plain import describe_execution, describe_value
from polos import ClientBatchWorkflowInput, ExecutionHandle, PolosClient

# Clients by project, and in it by what they are made with.
_clients: dict[str, dict[tuple[str, str | None], PolosClient]] = {}

# Options of the runner's names.
_OPTIONS = {
    "payload": "payload",
    "initialState": "initial_state",
    "queue": "queue",
    "concurrencyKey": "concurrency_key",
    "sessionId": "session_id",
    "userId": "user_id",
    "runTimeoutSeconds": "run_timeout_seconds",
    "idempotencyKey": "idempotency_key",
    "priority": "priority",
    "startDelaySeconds": "start_delay_seconds",
    "searchAttributes": "search_attributes",
    "parentExecutionId": "parent_execution_id",
    "rootExecutionId": "root_execution_id",
    "workflow": "workflow",
    "status": "status",
    "state": "state",
    "filter": "filter",
    "limit": "limit",
    "catchUpSeconds": "catch_up_seconds",
}

# Names that stand in the way of a Python argument.
_ARGUMENTS = {
    "from": "from_revision",
    "to": "to_revision",
    "timeoutSeconds": "timeout",
    "idempotencyKey": "idempotency_key",
}


async def call(
    *,
    method: str,
    url: str,
    project: str,
    apiKey: str | None = None,  # noqa: N803
    definitions: list[dict[str, Any]] = [],  # noqa: B006
    **rest: Any,
) -> Any:
    """Makes one call of the client's API."""
    host = Host(project, "", {})
    known = {each["id"]: to_workflow(each, host) for each in definitions}
    # Everything that a caller may give can hold what JSON cannot.
    arguments = {_ARGUMENTS.get(name, name): evaluate(value, Scope()) for name, value in rest.items()}
    client = _client_for(project, url, apiKey)
    if method in ("invoke", "batch"):
        return await _CALLS[method](client, lambda name: known.get(name, name), **arguments)
    return await _CALLS[method](client, **arguments)


async def forget_clients(project: str) -> None:
    """Closes the clients of a project."""
    for client in _clients.pop(project, {}).values():
        await client.close()


def _client_for(project: str, url: str, api_key: str | None) -> PolosClient:
    own = _clients.setdefault(project, {})
    if (url, api_key) not in own:
        own[url, api_key] = PolosClient(url, api_key, project)
    return own[url, api_key]


def _named(options: dict[str, Any]) -> dict[str, Any]:
    return {_OPTIONS[name]: value for name, value in options.items()}


async def _invoke(
    client: PolosClient, target: Callable[[str], Any], *, workflow: str, payload: Any = None, options: Any = None
) -> str:
    return (await client.invoke(target(workflow), payload, **_named(options or {}))).execution_id


async def _batch(client: PolosClient, target: Callable[[str], Any], *, items: Any, options: Any = None) -> list[str]:
    given: list[Any] = [
        ClientBatchWorkflowInput(workflow=target(item.pop("workflow")), **_named(item)) for item in items
    ]
    return [each.execution_id for each in await client.batch_invoke(given, **_named(options or {}))]


def _on_handle(ask: Callable[..., Any]) -> Any:
    async def run(client: PolosClient, *, execution: str, **arguments: Any) -> Any:
        return await ask(client.get_handle(execution), **arguments)

    return run


async def _get(handle: ExecutionHandle[Any]) -> Any:
    return describe_execution(await handle.get())


async def _state(handle: ExecutionHandle[Any], **options: Any) -> Any:
    snapshot = await handle.state(**options)
    names = {"value": snapshot.value, "revision": snapshot.revision}
    return {**names, "isFinal": snapshot.is_final, "sizeBytes": snapshot.size_bytes}


async def _collect(iterator: AsyncIterator[Any], describe: Callable[[Any], Any], count: int | None = None) -> list[Any]:
    """What an iterator gives: all, or the first so many."""
    found: list[Any] = []
    async for each in iterator:
        found.append(describe(each))
        if count is not None and len(found) >= count:
            break
    return found


def _to_revision(each: Any) -> dict[str, Any]:
    value = {"value": each.value} if hasattr(each, "value") else {}
    return {"revision": each.revision, "patch": each.patch, "stepKey": each.step_key, **value}


def _to_event(each: Any) -> dict[str, Any]:
    return {
        "sequence": each.sequence,
        "place": each.place,
        "executionId": each.execution_id,
        "workflowId": each.workflow_id,
        "type": each.type,
        "data": each.data,
        "stepKey": each.step_key,
        "topic": each.topic,
        "stateRevision": each.state_revision,
    }


def _to_topic_event(each: Any) -> dict[str, Any]:
    own = {"topic": each.topic, "sequence": each.sequence, "type": each.type, "data": each.data}
    return {**own, "executionId": each.execution_id}


async def _revisions(handle: ExecutionHandle[Any], **options: Any) -> Any:
    return await _collect(handle.state.revisions(**options), _to_revision)


async def _watch(handle: ExecutionHandle[Any], count: int | None = None, **options: Any) -> Any:
    return await _collect(handle.state.watch(**options), _to_revision, count)


async def _events(handle: ExecutionHandle[Any], count: int | None = None, **options: Any) -> Any:
    return await _collect(handle.events(**options), _to_event, count)


async def _publish(client: PolosClient, *, topic: str, events: Any, idempotency_key: str | None = None) -> Any:
    return await client.events.batch_publish(topic, events, idempotency_key=idempotency_key)


async def _topic(client: PolosClient, *, topic: str, count: int | None = None, **options: Any) -> Any:
    return await _collect(client.events.stream_topic(topic, **options), _to_topic_event, count)


async def _create_schedule(client: PolosClient, *, options: Any = None, **arguments: Any) -> Any:
    return await client.schedules.create(**arguments, **_named(options or {}))


async def _list_schedules(client: PolosClient, *, workflow: str) -> Any:
    names = ("id", "key", "cron", "timezone", "paused", "payload")
    found = await client.schedules.list(workflow)
    return [{"workflowId": each.workflow_id, **{name: getattr(each, name) for name in names}} for each in found]


async def _trigger_schedule(client: PolosClient, *, schedule: str, **options: Any) -> Any:
    return (await client.schedules.trigger(schedule, **options)).execution_id


async def _result(handle: ExecutionHandle[Any], **options: Any) -> Any:
    return describe_value(await handle.get_result(**options))


async def _resume(handle: ExecutionHandle[Any], *, step: str, data: Any = None) -> None:
    await handle.resume(step, data)


async def _repair(
    handle: ExecutionHandle[Any],
    *,
    patch: Any,
    expectedRevision: int,  # noqa: N803
    reason: str = "a scenario",
    author: str = "runner",
) -> int:
    return await handle.state.patch(patch, expected_revision=expectedRevision, reason=reason, author=author)


async def _list(client: PolosClient, *, options: Any) -> Any:
    return await _collect(client.list_executions(**_named(options)), lambda each: each.id)


_CALLS: dict[str, Any] = {
    "list": _list,
    "invoke": _invoke,
    "batch": _batch,
    "result": _on_handle(_result),
    "get": _on_handle(_get),
    "state": _on_handle(_state),
    "revisions": _on_handle(_revisions),
    "repair": _on_handle(_repair),
    "watch": _on_handle(_watch),
    "diff": _on_handle(lambda handle, **revisions: handle.state.diff(**revisions)),
    "events": _on_handle(_events),
    "cancel": _on_handle(lambda handle: handle.cancel()),
    "pause": _on_handle(lambda handle: handle.pause()),
    "unpause": _on_handle(lambda handle: handle.unpause()),
    "resume": _on_handle(_resume),
    "publish": _publish,
    "topic": _topic,
    "createSchedule": _create_schedule,
    "listSchedules": _list_schedules,
    "pauseSchedule": lambda client, schedule: client.schedules.pause(schedule),
    "unpauseSchedule": lambda client, schedule: client.schedules.unpause(schedule),
    "deleteSchedule": lambda client, schedule: client.schedules.delete(schedule),
    "triggerSchedule": _trigger_schedule,
}
