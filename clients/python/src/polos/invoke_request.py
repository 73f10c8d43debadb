"""Requests that start executions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from typing_extensions import TypedDict

from ._gen.polos.v1.workflow_service_pb2 import InvokeRequest
from .execution_id import create_execution_id
from .message import to_message
from .queue import Queue, queue_name
from .time import to_optional_duration
from .workflow_target import WorkflowTarget
from .workflow_values import write_initial_state, write_start_payload


class InvokeOptions(TypedDict, total=False):
    """How an execution is started. All may be left out."""

    queue: str | Queue | None
    """The queue. Default: the workflow's own."""
    queue_name: str | None
    """The same, as the public Polos SDK names it. `queue` wins."""
    concurrency_key: str | None
    """The key under which the queue's concurrency is limited."""
    session_id: str | None
    """The session it belongs to. Default: a fresh UUID."""
    user_id: str | None
    """The user on whose behalf it runs."""
    search_attributes: Mapping[str, str] | None
    """Names and values to find it by (`client.list_executions`). At most 50; names of 100 bytes, values of 1,024."""
    run_timeout_seconds: float | None
    """How long it may run in all, waiting not counted. Default: the workflow's own limit."""
    idempotency_key: str | None
    """One key in a project, one execution, for 24 hours at least. Default: a fresh one for each call."""
    priority: int | None
    """Larger goes first among executions that are ready, -100 to 100. Default 0."""
    start_delay_seconds: float | None
    """How long to wait before it may start. At most 366 days. Default 0."""


_OPTION_NAMES: frozenset[str] = InvokeOptions.__optional_keys__


def to_invoke_request(
    workflow: WorkflowTarget,
    payload: Any,
    initial_state: BaseModel | Mapping[str, Any] | None,
    options: Mapping[str, Any],
    *,
    deployment_id: str | None,
    of: str = "",
) -> InvokeRequest:
    """Makes a request of Invoke. Refuses early what the workflow's own schemas refuse; all else is the server's to judge.

    Without an idempotency key of the caller's the execution gets an id here, and is started under that: however often the
    request is sent, it is one execution.

    `of`: whose payload and state they are, for errors: ` of item 3`.

    Raises PayloadValidationError, StateValidationError, StateSizeError, PayloadSizeError, SerializationError; TypeError for
    an option that does not exist; TypeError, ValueError for a value that its field cannot hold.
    """
    unknown = sorted(name for name in options if name not in _OPTION_NAMES)
    if unknown:
        known = ", ".join(sorted(_OPTION_NAMES))
        raise TypeError(f"an execution is not started with {', '.join(unknown)}; known are {known}")
    workflow_id = to_workflow_id(workflow)
    config = None if isinstance(workflow, str) else workflow.config
    key = options.get("idempotency_key")
    execution_id = create_execution_id() if key is None else ""
    queue = options.get("queue") or options.get("queue_name")
    return to_message(
        InvokeRequest,
        workflow_id=workflow_id,
        payload=write_start_payload(config, payload, f"the payload{of}"),
        initial_state=write_initial_state(config, initial_state, f"the initial state{of}"),
        idempotency_key=execution_id if key is None else key,
        execution_id=execution_id,
        queue=queue_name(queue),
        concurrency_key=options.get("concurrency_key") or "",
        priority=options.get("priority") or 0,
        session_id=options.get("session_id") or "",
        user_id=options.get("user_id") or "",
        search_attributes=options.get("search_attributes"),
        deployment_id=deployment_id or "",
        run_timeout=to_optional_duration("run_timeout_seconds", options.get("run_timeout_seconds")),
        start_delay=to_optional_duration("start_delay_seconds", options.get("start_delay_seconds")),
    )


def to_workflow_id(workflow: WorkflowTarget) -> str:
    """The id of the workflow that is meant. Raises TypeError for what is neither a workflow nor an id."""
    if isinstance(workflow, str):
        return workflow
    workflow_id = getattr(workflow, "id", None)
    if isinstance(workflow_id, str) and hasattr(workflow, "config"):
        return workflow_id
    raise TypeError(f"to start an execution takes a workflow, or the id of one, not {workflow!r}")
