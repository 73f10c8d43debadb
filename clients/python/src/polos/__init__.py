"""Durable workflows whose state is a typed document.

`@workflow` makes a workflow of a function, a `Worker` runs executions of it, a `PolosClient` starts and follows them, and
`Polos` is both in one.
"""

from . import events, schedules
from .api_errors import (
    AccessDeniedError,
    EventsDeletedError,
    ExecutionClosedError,
    ExecutionRunningError,
    IdempotencyMismatchError,
    InvalidArgumentError,
    LimitExceededError,
    NotFoundError,
    PolosApiError,
    ResultConflictError,
    UnavailableError,
)
from .automatic_starts import BatchEventPayload, EventTriggerPayload, ScheduleConfig, SchedulePayload
from .batch import BatchStepError, BatchStepResult, BatchWorkflowInput
from .batch_invoke import BatchInvokeError, ClientBatchWorkflowInput, batch_invoke
from .cancellation import Cancellation
from .client import PolosClient
from .config import PolosConnection
from .context import WorkflowContext
from .errors import (
    BatchSizeError,
    DuplicateStepKeyError,
    HookExecutionError,
    InvalidStepError,
    NonDeterminismError,
    PayloadSizeError,
    PayloadValidationError,
    PolosError,
    RemoteError,
    ResultValidationError,
    SerializationError,
    StateConflictError,
    StateMigrationError,
    StateSizeError,
    StateValidationError,
    StepExecutionError,
    StepTimeoutError,
    WaitTimeoutError,
    WorkflowCancelledError,
    WorkflowFailedError,
    WorkflowNotFoundError,
    WorkflowTimeoutError,
)
from .event_payload import EventPayload
from .execution import ExecutionInfo
from .execution_event import ExecutionEvent
from .execution_handle import ExecutionHandle
from .execution_list import ListExecutionsOptions
from .execution_state import StateMigration, StateReader, StateRepair, StateRevision, StateSnapshot, WatchedState
from .execution_status import ExecutionStatus, ExecutionStatusReason
from .hook import Hook, HookAction, HookContext, HookResult, hook
from .invocation import Invocation
from .invoke_request import InvokeOptions
from .issue import Issue
from .logger import create_logger
from .polos import Polos
from .queue import Queue, queue
from .registry import WorkflowRegistry, get_all_workflows, get_workflow, global_registry
from .schedules import ScheduleInfo
from .scope import step_attempt
from .step import ChildHandle, StepAttempt
from .steps import Steps
from .topic_event import EventData, TopicEvent
from .worker import Worker
from .workflow import Workflow, WorkflowConfig, workflow
from .workflow_state import WorkflowState

__all__ = [
    "AccessDeniedError",
    "BatchEventPayload",
    "BatchInvokeError",
    "BatchSizeError",
    "BatchStepError",
    "BatchStepResult",
    "BatchWorkflowInput",
    "Cancellation",
    "ChildHandle",
    "ClientBatchWorkflowInput",
    "DuplicateStepKeyError",
    "EventData",
    "EventPayload",
    "EventTriggerPayload",
    "EventsDeletedError",
    "ExecutionClosedError",
    "ExecutionEvent",
    "ExecutionHandle",
    "ExecutionInfo",
    "ExecutionRunningError",
    "ExecutionStatus",
    "ExecutionStatusReason",
    "Hook",
    "HookAction",
    "HookContext",
    "HookExecutionError",
    "HookResult",
    "IdempotencyMismatchError",
    "InvalidArgumentError",
    "InvalidStepError",
    "Invocation",
    "InvokeOptions",
    "Issue",
    "LimitExceededError",
    "ListExecutionsOptions",
    "NonDeterminismError",
    "NotFoundError",
    "PayloadSizeError",
    "PayloadValidationError",
    "Polos",
    "PolosApiError",
    "PolosClient",
    "PolosConnection",
    "PolosError",
    "Queue",
    "RemoteError",
    "ResultConflictError",
    "ResultValidationError",
    "ScheduleConfig",
    "ScheduleInfo",
    "SchedulePayload",
    "SerializationError",
    "StateConflictError",
    "StateMigration",
    "StateMigrationError",
    "StateReader",
    "StateRepair",
    "StateRevision",
    "StateSizeError",
    "StateSnapshot",
    "StateValidationError",
    "StepAttempt",
    "StepExecutionError",
    "StepTimeoutError",
    "Steps",
    "TopicEvent",
    "UnavailableError",
    "WaitTimeoutError",
    "WatchedState",
    "Worker",
    "Workflow",
    "WorkflowCancelledError",
    "WorkflowConfig",
    "WorkflowContext",
    "WorkflowFailedError",
    "WorkflowNotFoundError",
    "WorkflowRegistry",
    "WorkflowState",
    "WorkflowTimeoutError",
    "batch_invoke",
    "create_logger",
    "events",
    "get_all_workflows",
    "get_workflow",
    "global_registry",
    "hook",
    "queue",
    "schedules",
    "step_attempt",
    "workflow",
]
