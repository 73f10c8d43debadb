"""What an activation is made of."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from ._gen.polos.v1.step_pb2 import StepRecord
from ._gen.polos.v1.worker_service_pb2 import Assignment
from .cancellation import Cancellation
from .grace import GRACE
from .journal import Journal
from .lease_holder import CompletionPort
from .payload import PAYLOAD_BYTES_MAX
from .retry import pause
from .step_runner import StepRunner
from .workflow import Workflow


@dataclass(frozen=True)
class ActivationOptions:
    """What an activation is made of. Points in time are of `time.monotonic`."""

    workflow: Workflow[Any, Any, Any]
    assignment: Assignment
    steps: Sequence[StepRecord]
    """All steps of the assignment, further pages included."""
    port: CompletionPort
    logger: logging.Logger
    lease_ms: float
    """How long a lease lasts without a sign of life, in milliseconds."""
    received_at: float | None = None
    """When the assignment came. None: now."""
    is_kept: Callable[[], bool] = lambda: True
    """Asked at each suspension: whether the activation will be kept in memory meanwhile."""
    payload_bytes_max: int = PAYLOAD_BYTES_MAX
    """Bytes of one payload or result."""
    deployment_id: str | None = None
    """The worker's deployment, for executions that name none."""
    clock: Callable[[], float] = time.time
    """What time it is for the code, in seconds since 1970."""
    pause: Callable[[float, Cancellation], Awaitable[bool]] = pause
    """Waits before a step's function is tried again; see `pause`."""
    grace: float = GRACE
    """How long to wait before code that seems to differ from the record is called non-deterministic, in seconds."""


ActivationEnd: TypeAlias = Literal["closed", "suspended", "dropped"]
"""How a run of an activation ended: closed, the server has the last word (also for a retry); suspended, the code waits in
memory for an outcome; dropped, the lease is over and nothing more was or will be committed."""


class Work(NamedTuple):
    """What a handler that has begun works with."""

    journal: Journal
    runner: StepRunner
