"""Children to start as one step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ._gen.polos.v1.command_pb2 import ChildrenStarted, Command
from .batch import BatchStepError, BatchStepResult, BatchWorkflowInput
from .child_command import ChildOptions, to_child, workflow_id_of
from .errors import InvalidStepError, NonDeterminismError, PayloadSizeError
from .payload import from_payload, to_payload
from .step import ChildHandle
from .step_request import StepOutcome
from .workflow_target import WorkflowTarget
from .workflow_values import read_as

_CHILDREN_MAX = 10_000
"""Children that the server takes for one step."""

_BATCH_BYTES_MAX = 3_080_192
"""Bytes of all of them: with the largest state beside them they fit a message."""


def read_items(key: str, items: object) -> list[BatchWorkflowInput[Any]]:
    """The items of a batch. Raises InvalidStepError for what are no items, or too many."""
    if not isinstance(items, Sequence) or not all(isinstance(item, BatchWorkflowInput) for item in items):
        raise InvalidStepError(f'step "{key}" needs a list of BatchWorkflowInput, each with a workflow and its payload')
    if len(items) > _CHILDREN_MAX:
        count = f'step "{key}" has {len(items)} items, more than the {_CHILDREN_MAX} that are allowed'
        raise InvalidStepError(f"{count}; start them in several steps")
    for item in items:
        workflow_id_of(item.workflow)
    return list(items)


def batch_command(key: str, items: Sequence[BatchWorkflowInput[Any]], *, wait: bool) -> Command:
    """Makes the command that starts the children of a batch. What a child would refuse is refused here, as for a single one.

    Raises SerializationError, PayloadValidationError, StateValidationError, StateSizeError, with the item's place;
    PayloadSizeError for more than one message holds.
    """
    children = [
        to_child(f'item {index} of step "{key}"', item.workflow, item.payload, _options_of(item))
        for index, item in enumerate(items)
    ]
    started = ChildrenStarted(step_key=key, children=children, wait=wait)
    size = started.ByteSize()
    if size > _BATCH_BYTES_MAX:
        what = f'what the {len(items)} items of step "{key}" are started with together'
        advice = "start them in several steps, or pass references instead of data"
        raise PayloadSizeError(what, size, _BATCH_BYTES_MAX, advice)
    return Command(children_started=started)


def read_batch_results(outcome: StepOutcome, items: Sequence[BatchWorkflowInput[Any]]) -> list[BatchStepResult[Any]]:
    """What the children came to, in the order of the items; each result as its own workflow says.

    Raises ResultValidationError for a result that does not fit; NonDeterminismError if the record is of another number of
    children.
    """
    recorded = _recorded(outcome, items)
    return [_to_result(each, item.workflow) for each, item in zip(recorded, items, strict=True)]


def read_batch_handles(outcome: StepOutcome, items: Sequence[BatchWorkflowInput[Any]]) -> list[ChildHandle]:
    """Handles of the children, in the order of the items.

    Raises NonDeterminismError if the record is of another number of children.
    """
    recorded = _recorded(outcome, items)
    return [ChildHandle(each, workflow_id_of(item.workflow)) for each, item in zip(recorded, items, strict=True)]


def _recorded(outcome: StepOutcome, items: Sequence[BatchWorkflowInput[Any]]) -> list[Any]:
    children: list[Any] = from_payload(outcome.result)
    if len(children) != len(items):
        record = f'the record of step "{outcome.key}" is of {len(children)} children'
        raise NonDeterminismError(f"{record}, but the code asked for {len(items)}", outcome.key)
    return children


def _to_result(child: dict[str, Any], workflow: WorkflowTarget) -> BatchStepResult[Any]:
    ids = (child["workflowId"], child["executionId"])
    if not child["success"]:
        error = child.get("error") or {}
        reason = BatchStepError(error.get("type", "Error"), error.get("message", ""))
        return BatchStepResult(*ids, success=False, result=None, error=reason)
    result = child.get("result")
    schema = None if isinstance(workflow, str) else workflow.config.output_schema
    if schema is not None:
        result = read_as(schema, to_payload(result), f'the result of the child "{ids[1]}"')
    return BatchStepResult(*ids, success=True, result=result, error=None)


def _options_of(item: BatchWorkflowInput[Any]) -> ChildOptions:
    return ChildOptions(item.initial_state, item.queue, item.concurrency_key, item.run_timeout_seconds, item.priority)
