import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from polos._gen.polos.v1 import execution_pb2 as _execution_pb2
from polos._gen.polos.v1 import failure_pb2 as _failure_pb2
from polos._gen.polos.v1 import payload_pb2 as _payload_pb2
from polos._gen.polos.v1 import step_pb2 as _step_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Command(_message.Message):
    __slots__ = ("step_completed", "step_failed", "child_started", "outcome_accepted", "state_changed", "execution_completed", "execution_failed", "execution_suspended", "execution_cancelled", "timer_awaited", "event_awaited", "event_published", "resume_awaited", "children_started", "resume_sent", "state_migrated", "execution_parked")
    STEP_COMPLETED_FIELD_NUMBER: _ClassVar[int]
    STEP_FAILED_FIELD_NUMBER: _ClassVar[int]
    CHILD_STARTED_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    STATE_CHANGED_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_COMPLETED_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_FAILED_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_SUSPENDED_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_CANCELLED_FIELD_NUMBER: _ClassVar[int]
    TIMER_AWAITED_FIELD_NUMBER: _ClassVar[int]
    EVENT_AWAITED_FIELD_NUMBER: _ClassVar[int]
    EVENT_PUBLISHED_FIELD_NUMBER: _ClassVar[int]
    RESUME_AWAITED_FIELD_NUMBER: _ClassVar[int]
    CHILDREN_STARTED_FIELD_NUMBER: _ClassVar[int]
    RESUME_SENT_FIELD_NUMBER: _ClassVar[int]
    STATE_MIGRATED_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_PARKED_FIELD_NUMBER: _ClassVar[int]
    step_completed: StepCompleted
    step_failed: StepFailed
    child_started: ChildStarted
    outcome_accepted: OutcomeAccepted
    state_changed: StateChanged
    execution_completed: ExecutionCompleted
    execution_failed: ExecutionFailed
    execution_suspended: ExecutionSuspended
    execution_cancelled: ExecutionCancelled
    timer_awaited: TimerAwaited
    event_awaited: EventAwaited
    event_published: EventPublished
    resume_awaited: ResumeAwaited
    children_started: ChildrenStarted
    resume_sent: ResumeSent
    state_migrated: StateMigrated
    execution_parked: ExecutionParked
    def __init__(self, step_completed: _Optional[_Union[StepCompleted, _Mapping]] = ..., step_failed: _Optional[_Union[StepFailed, _Mapping]] = ..., child_started: _Optional[_Union[ChildStarted, _Mapping]] = ..., outcome_accepted: _Optional[_Union[OutcomeAccepted, _Mapping]] = ..., state_changed: _Optional[_Union[StateChanged, _Mapping]] = ..., execution_completed: _Optional[_Union[ExecutionCompleted, _Mapping]] = ..., execution_failed: _Optional[_Union[ExecutionFailed, _Mapping]] = ..., execution_suspended: _Optional[_Union[ExecutionSuspended, _Mapping]] = ..., execution_cancelled: _Optional[_Union[ExecutionCancelled, _Mapping]] = ..., timer_awaited: _Optional[_Union[TimerAwaited, _Mapping]] = ..., event_awaited: _Optional[_Union[EventAwaited, _Mapping]] = ..., event_published: _Optional[_Union[EventPublished, _Mapping]] = ..., resume_awaited: _Optional[_Union[ResumeAwaited, _Mapping]] = ..., children_started: _Optional[_Union[ChildrenStarted, _Mapping]] = ..., resume_sent: _Optional[_Union[ResumeSent, _Mapping]] = ..., state_migrated: _Optional[_Union[StateMigrated, _Mapping]] = ..., execution_parked: _Optional[_Union[ExecutionParked, _Mapping]] = ...) -> None: ...

class StepCompleted(_message.Message):
    __slots__ = ("step_key", "kind", "result", "attempts", "state_patch")
    STEP_KEY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    STATE_PATCH_FIELD_NUMBER: _ClassVar[int]
    step_key: str
    kind: _step_pb2.StepKind
    result: _payload_pb2.Payload
    attempts: _containers.RepeatedCompositeFieldContainer[_step_pb2.StepAttempt]
    state_patch: str
    def __init__(self, step_key: _Optional[str] = ..., kind: _Optional[_Union[_step_pb2.StepKind, str]] = ..., result: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., attempts: _Optional[_Iterable[_Union[_step_pb2.StepAttempt, _Mapping]]] = ..., state_patch: _Optional[str] = ...) -> None: ...

class StepFailed(_message.Message):
    __slots__ = ("step_key", "kind", "failure", "attempts")
    STEP_KEY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    step_key: str
    kind: _step_pb2.StepKind
    failure: _failure_pb2.Failure
    attempts: _containers.RepeatedCompositeFieldContainer[_step_pb2.StepAttempt]
    def __init__(self, step_key: _Optional[str] = ..., kind: _Optional[_Union[_step_pb2.StepKind, str]] = ..., failure: _Optional[_Union[_failure_pb2.Failure, _Mapping]] = ..., attempts: _Optional[_Iterable[_Union[_step_pb2.StepAttempt, _Mapping]]] = ...) -> None: ...

class ChildStarted(_message.Message):
    __slots__ = ("step_key", "workflow_id", "payload", "initial_state", "wait", "queue", "concurrency_key", "run_timeout", "retry_policy", "priority")
    STEP_KEY_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    INITIAL_STATE_FIELD_NUMBER: _ClassVar[int]
    WAIT_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    CONCURRENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    RUN_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    RETRY_POLICY_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    step_key: str
    workflow_id: str
    payload: _payload_pb2.Payload
    initial_state: str
    wait: bool
    queue: str
    concurrency_key: str
    run_timeout: _duration_pb2.Duration
    retry_policy: _execution_pb2.RetryPolicy
    priority: int
    def __init__(self, step_key: _Optional[str] = ..., workflow_id: _Optional[str] = ..., payload: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., initial_state: _Optional[str] = ..., wait: bool = ..., queue: _Optional[str] = ..., concurrency_key: _Optional[str] = ..., run_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., retry_policy: _Optional[_Union[_execution_pb2.RetryPolicy, _Mapping]] = ..., priority: _Optional[int] = ...) -> None: ...

class ChildrenStarted(_message.Message):
    __slots__ = ("step_key", "children", "wait")
    class Child(_message.Message):
        __slots__ = ("workflow_id", "payload", "initial_state", "queue", "concurrency_key", "run_timeout", "retry_policy", "priority")
        WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
        PAYLOAD_FIELD_NUMBER: _ClassVar[int]
        INITIAL_STATE_FIELD_NUMBER: _ClassVar[int]
        QUEUE_FIELD_NUMBER: _ClassVar[int]
        CONCURRENCY_KEY_FIELD_NUMBER: _ClassVar[int]
        RUN_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
        RETRY_POLICY_FIELD_NUMBER: _ClassVar[int]
        PRIORITY_FIELD_NUMBER: _ClassVar[int]
        workflow_id: str
        payload: _payload_pb2.Payload
        initial_state: str
        queue: str
        concurrency_key: str
        run_timeout: _duration_pb2.Duration
        retry_policy: _execution_pb2.RetryPolicy
        priority: int
        def __init__(self, workflow_id: _Optional[str] = ..., payload: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., initial_state: _Optional[str] = ..., queue: _Optional[str] = ..., concurrency_key: _Optional[str] = ..., run_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., retry_policy: _Optional[_Union[_execution_pb2.RetryPolicy, _Mapping]] = ..., priority: _Optional[int] = ...) -> None: ...
    STEP_KEY_FIELD_NUMBER: _ClassVar[int]
    CHILDREN_FIELD_NUMBER: _ClassVar[int]
    WAIT_FIELD_NUMBER: _ClassVar[int]
    step_key: str
    children: _containers.RepeatedCompositeFieldContainer[ChildrenStarted.Child]
    wait: bool
    def __init__(self, step_key: _Optional[str] = ..., children: _Optional[_Iterable[_Union[ChildrenStarted.Child, _Mapping]]] = ..., wait: bool = ...) -> None: ...

class ResumeSent(_message.Message):
    __slots__ = ("step_key", "execution_id", "suspended_step_key", "data")
    STEP_KEY_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    SUSPENDED_STEP_KEY_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    step_key: str
    execution_id: str
    suspended_step_key: str
    data: _payload_pb2.Payload
    def __init__(self, step_key: _Optional[str] = ..., execution_id: _Optional[str] = ..., suspended_step_key: _Optional[str] = ..., data: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ...) -> None: ...

class OutcomeAccepted(_message.Message):
    __slots__ = ("step_key",)
    STEP_KEY_FIELD_NUMBER: _ClassVar[int]
    step_key: str
    def __init__(self, step_key: _Optional[str] = ...) -> None: ...

class StateChanged(_message.Message):
    __slots__ = ("base_revision", "patch", "document")
    BASE_REVISION_FIELD_NUMBER: _ClassVar[int]
    PATCH_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    base_revision: int
    patch: str
    document: str
    def __init__(self, base_revision: _Optional[int] = ..., patch: _Optional[str] = ..., document: _Optional[str] = ...) -> None: ...

class StateMigrated(_message.Message):
    __slots__ = ("base_revision", "from_version", "to_version", "document")
    BASE_REVISION_FIELD_NUMBER: _ClassVar[int]
    FROM_VERSION_FIELD_NUMBER: _ClassVar[int]
    TO_VERSION_FIELD_NUMBER: _ClassVar[int]
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    base_revision: int
    from_version: int
    to_version: int
    document: str
    def __init__(self, base_revision: _Optional[int] = ..., from_version: _Optional[int] = ..., to_version: _Optional[int] = ..., document: _Optional[str] = ...) -> None: ...

class ExecutionParked(_message.Message):
    __slots__ = ("failure",)
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    failure: _failure_pb2.Failure
    def __init__(self, failure: _Optional[_Union[_failure_pb2.Failure, _Mapping]] = ...) -> None: ...

class ExecutionCompleted(_message.Message):
    __slots__ = ("result",)
    RESULT_FIELD_NUMBER: _ClassVar[int]
    result: _payload_pb2.Payload
    def __init__(self, result: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ...) -> None: ...

class ExecutionFailed(_message.Message):
    __slots__ = ("failure",)
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    failure: _failure_pb2.Failure
    def __init__(self, failure: _Optional[_Union[_failure_pb2.Failure, _Mapping]] = ...) -> None: ...

class ExecutionSuspended(_message.Message):
    __slots__ = ("kept",)
    KEPT_FIELD_NUMBER: _ClassVar[int]
    kept: bool
    def __init__(self, kept: bool = ...) -> None: ...

class ExecutionCancelled(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class TimerAwaited(_message.Message):
    __slots__ = ("step_key", "fire_time", "delay")
    STEP_KEY_FIELD_NUMBER: _ClassVar[int]
    FIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    DELAY_FIELD_NUMBER: _ClassVar[int]
    step_key: str
    fire_time: _timestamp_pb2.Timestamp
    delay: _duration_pb2.Duration
    def __init__(self, step_key: _Optional[str] = ..., fire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class EventAwaited(_message.Message):
    __slots__ = ("step_key", "topic", "cursor", "timeout")
    STEP_KEY_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    step_key: str
    topic: str
    cursor: str
    timeout: _duration_pb2.Duration
    def __init__(self, step_key: _Optional[str] = ..., topic: _Optional[str] = ..., cursor: _Optional[str] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class EventPublished(_message.Message):
    __slots__ = ("step_key", "topic", "type", "data")
    STEP_KEY_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    step_key: str
    topic: str
    type: str
    data: _payload_pb2.Payload
    def __init__(self, step_key: _Optional[str] = ..., topic: _Optional[str] = ..., type: _Optional[str] = ..., data: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ...) -> None: ...

class ResumeAwaited(_message.Message):
    __slots__ = ("step_key", "data", "timeout")
    STEP_KEY_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    step_key: str
    data: _payload_pb2.Payload
    timeout: _duration_pb2.Duration
    def __init__(self, step_key: _Optional[str] = ..., data: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...
