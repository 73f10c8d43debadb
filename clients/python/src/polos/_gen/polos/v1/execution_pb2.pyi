import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from polos._gen.polos.v1 import failure_pb2 as _failure_pb2
from polos._gen.polos.v1 import payload_pb2 as _payload_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExecutionStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EXECUTION_STATUS_UNSPECIFIED: _ClassVar[ExecutionStatus]
    EXECUTION_STATUS_QUEUED: _ClassVar[ExecutionStatus]
    EXECUTION_STATUS_RUNNING: _ClassVar[ExecutionStatus]
    EXECUTION_STATUS_WAITING: _ClassVar[ExecutionStatus]
    EXECUTION_STATUS_PAUSED: _ClassVar[ExecutionStatus]
    EXECUTION_STATUS_COMPLETED: _ClassVar[ExecutionStatus]
    EXECUTION_STATUS_FAILED: _ClassVar[ExecutionStatus]
    EXECUTION_STATUS_CANCELLED: _ClassVar[ExecutionStatus]
    EXECUTION_STATUS_TIMED_OUT: _ClassVar[ExecutionStatus]

class StatusReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATUS_REASON_UNSPECIFIED: _ClassVar[StatusReason]
    STATUS_REASON_NO_WORKER: _ClassVar[StatusReason]
    STATUS_REASON_WORKERS_BUSY: _ClassVar[StatusReason]
    STATUS_REASON_START_DELAY: _ClassVar[StatusReason]
    STATUS_REASON_RETRY_DELAY: _ClassVar[StatusReason]
    STATUS_REASON_CHILD: _ClassVar[StatusReason]
    STATUS_REASON_TIMER: _ClassVar[StatusReason]
    STATUS_REASON_EVENT: _ClassVar[StatusReason]
    STATUS_REASON_RESUME: _ClassVar[StatusReason]
    STATUS_REASON_CONCURRENCY_LIMIT: _ClassVar[StatusReason]
    STATUS_REASON_WORKERS_LOST: _ClassVar[StatusReason]
    STATUS_REASON_STATE_MISFIT: _ClassVar[StatusReason]
    STATUS_REASON_LEASE_RELEASE: _ClassVar[StatusReason]
EXECUTION_STATUS_UNSPECIFIED: ExecutionStatus
EXECUTION_STATUS_QUEUED: ExecutionStatus
EXECUTION_STATUS_RUNNING: ExecutionStatus
EXECUTION_STATUS_WAITING: ExecutionStatus
EXECUTION_STATUS_PAUSED: ExecutionStatus
EXECUTION_STATUS_COMPLETED: ExecutionStatus
EXECUTION_STATUS_FAILED: ExecutionStatus
EXECUTION_STATUS_CANCELLED: ExecutionStatus
EXECUTION_STATUS_TIMED_OUT: ExecutionStatus
STATUS_REASON_UNSPECIFIED: StatusReason
STATUS_REASON_NO_WORKER: StatusReason
STATUS_REASON_WORKERS_BUSY: StatusReason
STATUS_REASON_START_DELAY: StatusReason
STATUS_REASON_RETRY_DELAY: StatusReason
STATUS_REASON_CHILD: StatusReason
STATUS_REASON_TIMER: StatusReason
STATUS_REASON_EVENT: StatusReason
STATUS_REASON_RESUME: StatusReason
STATUS_REASON_CONCURRENCY_LIMIT: StatusReason
STATUS_REASON_WORKERS_LOST: StatusReason
STATUS_REASON_STATE_MISFIT: StatusReason
STATUS_REASON_LEASE_RELEASE: StatusReason

class RetryPolicy(_message.Message):
    __slots__ = ("max_retries", "base_delay", "max_delay")
    MAX_RETRIES_FIELD_NUMBER: _ClassVar[int]
    BASE_DELAY_FIELD_NUMBER: _ClassVar[int]
    MAX_DELAY_FIELD_NUMBER: _ClassVar[int]
    max_retries: int
    base_delay: _duration_pb2.Duration
    max_delay: _duration_pb2.Duration
    def __init__(self, max_retries: _Optional[int] = ..., base_delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., max_delay: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Execution(_message.Message):
    __slots__ = ("id", "project_id", "workflow_id", "status", "status_reason", "queue", "payload", "initial_state", "result", "failure", "create_time", "start_time", "close_time", "update_time", "cancel_request_time", "failed_attempts", "lost_leases", "parent_execution_id", "parent_step_key", "root_execution_id", "root_workflow_id", "session_id", "user_id", "deployment_id", "concurrency_key", "priority", "search_attributes", "run_timeout", "retry_policy", "state_revision", "state_size_bytes", "step_count", "event_count", "worker_id", "epoch", "state_version")
    class SearchAttributesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    PROJECT_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STATUS_REASON_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    INITIAL_STATE_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    CLOSE_TIME_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    CANCEL_REQUEST_TIME_FIELD_NUMBER: _ClassVar[int]
    FAILED_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    LOST_LEASES_FIELD_NUMBER: _ClassVar[int]
    PARENT_EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_STEP_KEY_FIELD_NUMBER: _ClassVar[int]
    ROOT_EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    ROOT_WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    DEPLOYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    CONCURRENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    SEARCH_ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    RUN_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    RETRY_POLICY_FIELD_NUMBER: _ClassVar[int]
    STATE_REVISION_FIELD_NUMBER: _ClassVar[int]
    STATE_SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    STEP_COUNT_FIELD_NUMBER: _ClassVar[int]
    EVENT_COUNT_FIELD_NUMBER: _ClassVar[int]
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    STATE_VERSION_FIELD_NUMBER: _ClassVar[int]
    id: str
    project_id: str
    workflow_id: str
    status: ExecutionStatus
    status_reason: StatusReason
    queue: str
    payload: _payload_pb2.Payload
    initial_state: str
    result: _payload_pb2.Payload
    failure: _failure_pb2.Failure
    create_time: _timestamp_pb2.Timestamp
    start_time: _timestamp_pb2.Timestamp
    close_time: _timestamp_pb2.Timestamp
    update_time: _timestamp_pb2.Timestamp
    cancel_request_time: _timestamp_pb2.Timestamp
    failed_attempts: int
    lost_leases: int
    parent_execution_id: str
    parent_step_key: str
    root_execution_id: str
    root_workflow_id: str
    session_id: str
    user_id: str
    deployment_id: str
    concurrency_key: str
    priority: int
    search_attributes: _containers.ScalarMap[str, str]
    run_timeout: _duration_pb2.Duration
    retry_policy: RetryPolicy
    state_revision: int
    state_size_bytes: int
    step_count: int
    event_count: int
    worker_id: str
    epoch: int
    state_version: int
    def __init__(self, id: _Optional[str] = ..., project_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., status: _Optional[_Union[ExecutionStatus, str]] = ..., status_reason: _Optional[_Union[StatusReason, str]] = ..., queue: _Optional[str] = ..., payload: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., initial_state: _Optional[str] = ..., result: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., failure: _Optional[_Union[_failure_pb2.Failure, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., close_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., cancel_request_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., failed_attempts: _Optional[int] = ..., lost_leases: _Optional[int] = ..., parent_execution_id: _Optional[str] = ..., parent_step_key: _Optional[str] = ..., root_execution_id: _Optional[str] = ..., root_workflow_id: _Optional[str] = ..., session_id: _Optional[str] = ..., user_id: _Optional[str] = ..., deployment_id: _Optional[str] = ..., concurrency_key: _Optional[str] = ..., priority: _Optional[int] = ..., search_attributes: _Optional[_Mapping[str, str]] = ..., run_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., retry_policy: _Optional[_Union[RetryPolicy, _Mapping]] = ..., state_revision: _Optional[int] = ..., state_size_bytes: _Optional[int] = ..., step_count: _Optional[int] = ..., event_count: _Optional[int] = ..., worker_id: _Optional[str] = ..., epoch: _Optional[int] = ..., state_version: _Optional[int] = ...) -> None: ...
