"""Many executions started at once."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._gen.polos.v1 import workflow_service_pb2 as pb
from .api_errors import PolosApiError
from .batch import BatchWorkflowInput, ResultT
from .errors import PolosError
from .execution_handle import ExecutionHandle
from .invoke_request import to_invoke_request
from .methods import BATCH_INVOKE
from .retry import retry_delay
from .status import from_status
from .transport import Transport, is_connection_trouble

if TYPE_CHECKING:
    from .client import PolosClient

_ITEMS_MAX = 1_000
"""Items of one request; the server takes 10,000."""

_BYTES_MAX = 3_145_728
"""Bytes of one request; the server takes 4,194,304."""

_ITEM_BYTES = 8
"""What a request takes besides its message: the tag and length of each."""

_TRYING_SECONDS = 30.0
"""How long items are sent again that a server could not start for a reason of its own."""

_RETRY_DELAYS = (0.1, 1.0)
"""How fast they are sent again: the first and the longest delay, in seconds."""


@dataclass(frozen=True)
class ClientBatchWorkflowInput(BatchWorkflowInput[ResultT]):
    """One execution of a batch that a client starts: what a child of a batch may have, and more."""

    search_attributes: Mapping[str, str] | None = None
    """Names and values to find it by (`client.list_executions`)."""
    idempotency_key: str | None = None
    """One key in a project, one execution, for 24 hours at least. None: a fresh one for each call."""
    start_delay_seconds: float | None = None
    """How long to wait before it may start. At most 366 days. None: 0."""


class BatchInvokeError(PolosError):
    """Some executions of a batch could not be started; all others were. `__cause__` is the error of the first.

    An execution whose error is an UnavailableError may have been started after all.
    """

    def __init__(self, execution_ids: Sequence[str | None], errors: Mapping[int, Exception]) -> None:
        index, cause = next(iter(errors.items()))
        super().__init__(
            f"{len(errors)} of {len(execution_ids)} executions could not be started; item {index}: {cause}"
        )
        self.execution_ids = list(execution_ids)
        """The ids in the order of the items; None for those that could not be started."""
        self.errors = dict(errors)
        """Why, by place among the items."""
        self.__cause__ = cause


async def batch_invoke(
    client: PolosClient,
    workflows: Sequence[BatchWorkflowInput[Any]],
    session_id: str | None = None,
    user_id: str | None = None,
) -> list[ExecutionHandle[Any]]:
    """As the public Polos SDK has it: `client.batch_invoke` as a function."""
    return await client.batch_invoke(workflows, session_id=session_id, user_id=user_id)


async def invoke_all(
    transport: Transport,
    items: Sequence[BatchWorkflowInput[Any]],
    *,
    deployment_id: str | None,
    session_id: str | None,
    user_id: str | None,
) -> list[str]:
    """Starts executions, one for each item. Returns their ids. Raises as `PolosClient.batch_invoke`."""
    requests = [
        to_invoke_request(
            item.workflow,
            item.payload,
            item.initial_state,
            {
                "queue": item.queue,
                "concurrency_key": item.concurrency_key,
                "run_timeout_seconds": item.run_timeout_seconds,
                "priority": item.priority,
                "search_attributes": getattr(item, "search_attributes", None),
                "idempotency_key": getattr(item, "idempotency_key", None),
                "start_delay_seconds": getattr(item, "start_delay_seconds", None),
                "session_id": session_id,
                "user_id": user_id,
            },
            deployment_id=deployment_id,
            of=f" of item {index}",
        )
        for index, item in enumerate(items)
    ]
    answers: list[str | Exception] = []
    for portion in _in_portions(requests):
        try:
            answers += await _invoke_some(transport, portion)
        except PolosError as error:
            # The request failed as a whole: so would the next one.
            answers += [error] * (len(requests) - len(answers))
            break
    errors = {index: answer for index, answer in enumerate(answers) if isinstance(answer, Exception)}
    ids = [None if isinstance(answer, Exception) else answer for answer in answers]
    if errors:
        raise BatchInvokeError(ids, errors)
    return [each for each in ids if each is not None]


def _in_portions(requests: Sequence[pb.InvokeRequest]) -> Iterator[list[pb.InvokeRequest]]:
    """As few portions as fit one message each."""
    portion: list[pb.InvokeRequest] = []
    size = 0
    for request in requests:
        more = request.ByteSize() + _ITEM_BYTES
        if portion and (len(portion) == _ITEMS_MAX or size + more > _BYTES_MAX):
            yield portion
            portion, size = [], 0
        portion.append(request)
        size += more
    if portion:
        yield portion


async def _invoke_some(transport: Transport, requests: list[pb.InvokeRequest]) -> list[str | Exception]:
    """Sends one portion; again those of it that the server could not start for a reason that may pass.

    Raises PolosError for what fails the request as a whole.
    """
    end = time.monotonic() + _TRYING_SECONDS
    answers = await _send(transport, requests)
    retry = 0
    while again := [index for index, answer in enumerate(answers) if is_connection_trouble(answer)]:
        delay = retry_delay(*_RETRY_DELAYS, retry, random.random())
        if time.monotonic() + delay >= end:
            break
        await asyncio.sleep(delay)
        later = await _send(transport, [requests[index] for index in again])
        for index, answer in zip(again, later, strict=True):
            answers[index] = answer
        retry += 1
    return answers


async def _send(transport: Transport, requests: list[pb.InvokeRequest]) -> list[str | Exception]:
    answer = await transport.call(BATCH_INVOKE, pb.BatchInvokeRequest(requests=requests), repeatable=True)
    given = [_answer_of(item) for item in answer.items]
    missing = PolosApiError("INTERNAL", "the server did not answer for this item")
    return (given + [missing] * len(requests))[: len(requests)]


def _answer_of(item: pb.BatchInvokeResponse.Item) -> str | Exception:
    case = item.WhichOneof("outcome")
    if case == "response":
        return item.response.execution_id
    if case == "error":
        return from_status(item.error.code, item.error.message, item.error.details)
    return PolosApiError("INTERNAL", "the server did not answer for this item")
