from collections.abc import Callable
from typing import Any

from expressions import Host, Scope, evaluate
from interpreter import run_handler, run_hook
from lines import say
from plain import describe_value
from polos import Hook, HookContext, HookResult, Workflow, WorkflowContext, hook, step_attempt, workflow
from schemas import to_model


def to_workflows(described: list[dict[str, Any]], project: str, worker: str) -> list[Workflow[Any, Any, Any]]:
    """Workflows of the runner's data."""
    host = Host(project, worker, {})
    for each in described:
        host.definitions[each["id"]] = to_workflow(each, host)
    return list(host.definitions.values())


def to_workflow(described: dict[str, Any], host: Host) -> Workflow[Any, Any, Any]:
    """One workflow."""

    async def handler(ctx, payload):  # type: ignore[no-untyped-def]
        return await run_handler(described["do"], ctx, payload, host)

    if "payloadSchema" in described:
        handler.__annotations__["payload"] = to_model(described["payloadSchema"])
    made: Workflow[Any, Any, Any] = workflow(**_options(described, host), auto_register=False)(handler)
    return made


def _options(described: dict[str, Any], host: Host) -> dict[str, Any]:
    same = {
        "id": "id",
        "maxRetries": "max_retries",
        "runTimeoutSeconds": "run_timeout_seconds",
        "stateIndex": "state_index",
        "stateVersion": "state_version",
        "schedule": "schedule",
        "triggerOnEvent": "trigger_on_event",
        "batchSize": "batch_size",
        "batchTimeoutSeconds": "batch_timeout_seconds",
    }
    options = {own: described[name] for name, own in same.items() if name in described}
    delays = {"baseDelayMs": "base_delay", "maxDelayMs": "max_delay"}
    options |= {own: described[name] / 1_000 for name, own in delays.items() if name in described}
    if "migrate" in described:
        options["migrate"] = {int(version): _to_migration(each) for version, each in described["migrate"].items()}
    if "queue" in described:
        options["queue"] = _queue_of(described["queue"])
    if "stateSchema" in described:
        options["state_schema"] = to_model(described["stateSchema"], is_state=True)
    if "resultSchema" in described:
        options["output_schema"] = to_model(described["resultSchema"])
    for name, own in (("onStart", "on_start"), ("onEnd", "on_end")):
        options[own] = [_to_hook(each, host) for each in described.get(name, [])]
    return options


def _to_migration(described: dict[str, Any]) -> Callable[[dict[str, Any]], Any]:
    def migrate(old: dict[str, Any]) -> Any:
        if "throws" in described:
            raise RuntimeError(described["throws"])
        return evaluate(described["to"], Scope().having("old", old))

    return migrate


def _queue_of(queue: str | dict[str, Any]) -> Any:
    if isinstance(queue, str):
        return queue
    return {"name": queue["name"], "concurrency_limit": queue.get("concurrencyLimit")}


def _to_hook(described: dict[str, Any], host: Host) -> Hook:
    async def run(ctx: WorkflowContext[Any], hook_context: HookContext) -> HookResult | None:
        place = {"project": host.project, "worker": host.worker, "execution": ctx.execution_id}
        say({"event": "ran", "step": described["name"], "attempt": step_attempt().attempt, **place})
        error = hook_context.current_error
        told = {
            "payload": describe_value(hook_context.current_payload),
            "output": describe_value(hook_context.current_output),
            "error": None if error is None else {"type": error.type, "message": error.message},
            "phase": "onStart" if hook_context.phase == "on_start" else "onEnd",
        }
        answer = await run_hook(described["do"], ctx, told, host)
        if answer is None:
            return None
        if "fail" in answer:
            return HookResult.fail(answer["fail"])
        return HookResult.continue_with(modified_payload=answer.get("payload"), modified_output=answer.get("output"))

    options: dict[str, Any] = {}
    if "maxRetries" in described:
        options["max_retries"] = described["maxRetries"]
    if "baseDelayMs" in described:
        options["base_delay"] = described["baseDelayMs"] / 1_000
    return hook(name=described["name"], **options)(run)
