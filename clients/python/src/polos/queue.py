"""Queues that executions wait in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .name import is_text

_LIMIT_MAX = 10_000


@dataclass(frozen=True)
class Queue:
    """A queue that several workflows may share. It can be given wherever a queue is named.

    ```python
    payments = Queue("payments", concurrency_limit=5)

    @workflow(queue=payments)
    async def charge(ctx: WorkflowContext, order: Order) -> None: ...
    ```

    Raises TypeError for a name that is none, ValueError for a limit that is none.
    """

    name: str
    """1 to 200 bytes."""
    concurrency_limit: int | None = None
    """How many of its executions may run at once, for each concurrency key on its own: 1 to 10,000. Executions that wait
    for something do not count. It is declared by the workers of the workflows that name the queue as theirs, and holds over
    all of them; a caller who names the queue changes nothing in it. The newest declaration decides. None: says nothing."""

    def __post_init__(self) -> None:
        if not is_text(self.name, 200):
            raise TypeError("a queue needs a name of 1 to 200 bytes")
        limit: Any = self.concurrency_limit
        if limit is None or (type(limit) is int and 1 <= limit <= _LIMIT_MAX):
            return
        raise ValueError(
            f'the queue "{self.name}" has a concurrency_limit of {limit!r}: it must be an integer from 1 to {_LIMIT_MAX}'
        )


def queue(name: str, concurrency_limit: int | None = None) -> Queue:
    """Makes a queue: the same as `Queue(name, concurrency_limit)`."""
    return Queue(name, concurrency_limit)


def to_queue(given: str | Queue | Mapping[str, Any], default_name: str) -> Queue:
    """The queue that a workflow or a caller names: by its name, as a `Queue`, or as a dict of its fields.

    Raises TypeError for what names no queue, ValueError for a limit that is none.
    """
    if isinstance(given, Queue):
        return given
    if isinstance(given, str):
        return Queue(given)
    if isinstance(given, Mapping):
        unknown = sorted(str(key) for key in given if key not in ("name", "concurrency_limit"))
        if unknown:
            raise TypeError(f"a queue has a name and a concurrency_limit, no {', '.join(unknown)}")
        return Queue(given.get("name", default_name), given.get("concurrency_limit"))
    raise TypeError(f"a queue is a name, a Queue or a dict of its fields, not {given!r}")


def queue_name(given: str | Queue | None) -> str:
    """The name that the protocol takes for a queue; empty for the workflow's own. What names there are the server says.

    Raises TypeError for what names no queue.
    """
    if isinstance(given, str):
        return given
    return "" if given is None else to_queue(given, "").name
