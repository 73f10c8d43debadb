"""Lists of executions."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from typing_extensions import TypedDict

from ._gen.polos.v1.workflow_service_pb2 import ListExecutionsRequest
from .execution import ExecutionInfo, to_execution_info
from .execution_status import ExecutionStatus
from .invoke_request import to_workflow_id
from .methods import LIST_EXECUTIONS
from .state.pointer import from_pointer
from .transport import Transport
from .workflow_target import WorkflowTarget

_PAGE_SIZE_MAX = 500
"""Executions that one request asks for."""


class ListExecutionsOptions(TypedDict, total=False):
    """Which executions are listed: those for which all holds that is given."""

    workflow: WorkflowTarget | None
    """The workflow, or its id."""
    status: ExecutionStatus | None
    parent_execution_id: str | None
    """Only those that this execution started."""
    root_execution_id: str | None
    """Only those of this tree."""
    session_id: str | None
    user_id: str | None
    search_attributes: Mapping[str, str] | None
    """The values of search attributes, by name."""
    state: Mapping[str, str | float | bool | None] | None
    """The values of fields of the state, by path as `state_index` of the workflow declares them: `{"order.status": "open"}`.
    Needs `workflow`."""
    filter: str | None
    """More conditions, as ListExecutions takes them: `state.total >= 100 AND create_time > "2026-11-22T08:00:00Z"`. Values
    that somebody else wrote belong in the fields above, which quote them."""
    limit: int | None
    """How many to list at most, 1 or more. Default: all."""


async def list_executions(transport: Transport, options: ListExecutionsOptions) -> AsyncGenerator[ExecutionInfo, None]:
    """Lists executions, newest first, page by page as they are taken.

    Raises ValueError for the limit; InvalidArgumentError for what cannot be asked.
    """
    limit = options.get("limit")
    if limit is not None and (type(limit) is not int or limit < 1):
        raise ValueError(f"the limit is {limit!r}; it must be an integer of at least 1")
    conditions = to_filter(options)
    left = limit
    token = ""
    while True:
        page_size = _PAGE_SIZE_MAX if left is None else min(left, _PAGE_SIZE_MAX)
        request = ListExecutionsRequest(filter=conditions, page_token=token, page_size=page_size)
        page = await transport.call(LIST_EXECUTIONS, request, repeatable=True)
        for execution in page.executions:
            yield to_execution_info(execution)
            if left is not None:
                left -= 1
                if left == 0:
                    return
        token = page.next_page_token
        if not token:
            return


def to_filter(options: ListExecutionsOptions) -> str:
    """The filter of a request. Raises TypeError for an option that does not exist."""
    unknown = sorted(name for name in options if name not in ListExecutionsOptions.__optional_keys__)
    if unknown:
        raise TypeError(f"executions are not listed by {', '.join(unknown)}")
    workflow = options.get("workflow")
    status = options.get("status")
    comparisons = [
        *_equals("workflow_id", None if workflow is None else to_workflow_id(workflow)),
        *_equals("status", None if status is None else status.upper()),
        *_equals("parent_execution_id", options.get("parent_execution_id")),
        *_equals("root_execution_id", options.get("root_execution_id")),
        *_equals("session_id", options.get("session_id")),
        *_equals("user_id", options.get("user_id")),
    ]
    for name, value in (options.get("search_attributes") or {}).items():
        comparisons += _equals(f"search_attributes.{_quoted(name)}", value)
    for path, member in (options.get("state") or {}).items():
        comparisons.append(f"state.{_names_of(path)} = {_literal(member)}")
    more = options.get("filter")
    return " AND ".join([*comparisons, more] if more else comparisons)


def _equals(field: str, value: str | None) -> list[str]:
    return [] if value is None else [f"{field} = {_quoted(value)}"]


def _literal(value: Any) -> str:
    return _quoted(value) if isinstance(value, str) else json.dumps(value, allow_nan=False)


def _names_of(path: str) -> str:
    """The names of a path, be they joined by dots or a JSON Pointer."""
    names = from_pointer(path) if path.startswith("/") else path.split(".")
    return ".".join(map(_quoted, names))


def _quoted(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
