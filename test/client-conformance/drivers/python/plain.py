from dataclasses import fields, is_dataclass
from typing import Any

from polos import BatchInvokeError, ChildHandle, EventPayload, ExecutionInfo, RemoteError
from pydantic import BaseModel

# What an error says besides type, message and cause: by the names that the runner knows, where this SDK has it.
MEMBERS = {
    "attempts": "attempts",
    "details": "details",
    "errorType": "error_type",
    "executionStatus": "execution_status",
    "hookName": "hook_name",
    "limit": "limit",
    "maxSize": "max_size",
    "path": "path",
    "resourceType": "resource_type",
    "size": "size",
    "status": "status",
    "stepKey": "step_key",
    "timeoutSeconds": "timeout_seconds",
}

# This language's errors for arguments that can never work; the runner's word is the same for every language.
USAGE_ERRORS = (TypeError, ValueError)


def describe_error(error: BaseException) -> dict[str, Any]:
    """An error as the runner compares it."""
    described: dict[str, Any] = {"type": _type_of(error), "message": getattr(error, "message", str(error))}
    for name, own in MEMBERS.items():
        value = getattr(error, own, None)
        if value is not None:
            described[name] = value
    issues = getattr(error, "issues", getattr(error, "field_violations", None))
    if issues is not None:
        described["issues"] = [{"path": each.path, "message": each.message} for each in issues]
    if isinstance(error, BatchInvokeError):
        described["started"] = [each is not None for each in error.execution_ids]
        described["errors"] = [{"item": item, **describe_error(each)} for item, each in error.errors.items()]
    if error.__cause__ is not None:
        described["cause"] = describe_error(error.__cause__)
    return described


def describe_value(value: Any) -> Any:
    """A value of the SDK as the runner compares it: its own classes become objects with the runner's names."""
    if isinstance(value, EventPayload):
        return {_camel_case(name): member for name, member in value.model_dump(exclude_none=True).items()}
    if isinstance(value, ChildHandle):
        return {"id": value.id, "executionId": value.execution_id, "workflowId": value.workflow_id}
    if isinstance(value, BaseModel):
        return describe_value(value.model_dump(mode="json", by_alias=True, exclude_none=True))
    if is_dataclass(value) and not isinstance(value, type):
        members = ((_camel_case(each.name), getattr(value, each.name)) for each in fields(value))
        return {name: describe_value(member) for name, member in members if member is not None}
    if isinstance(value, list):
        return [describe_value(each) for each in value]
    if isinstance(value, dict):
        return {name: describe_value(member) for name, member in value.items()}
    return value


def describe_execution(info: ExecutionInfo) -> dict[str, Any]:
    """An execution as it was read."""
    error = None if info.error is None else {"type": info.error.type, "message": info.error.message}
    names = (
        "status status_reason workflow_id queue payload initial_state result retry_count state_revision step_count user_id "
        "session_id root_execution_id parent_execution_id parent_step_key"
    )
    return {**{_camel_case(name): getattr(info, name) for name in names.split()}, "error": error}


def _type_of(error: BaseException) -> str:
    if isinstance(error, RemoteError):
        return error.type
    return "UsageError" if type(error) in USAGE_ERRORS else type(error).__name__


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
