import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from polos._gen.polos.v1 import execution_pb2 as _execution_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WorkflowDefinition(_message.Message):
    __slots__ = ("id", "description", "queue", "payload_schema", "state_schema", "result_schema", "retry_policy", "run_timeout", "queue_concurrency_limit", "schedule", "trigger", "state_index", "state_version")
    ID_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    STATE_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    RESULT_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    RETRY_POLICY_FIELD_NUMBER: _ClassVar[int]
    RUN_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    QUEUE_CONCURRENCY_LIMIT_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_FIELD_NUMBER: _ClassVar[int]
    STATE_INDEX_FIELD_NUMBER: _ClassVar[int]
    STATE_VERSION_FIELD_NUMBER: _ClassVar[int]
    id: str
    description: str
    queue: str
    payload_schema: str
    state_schema: str
    result_schema: str
    retry_policy: _execution_pb2.RetryPolicy
    run_timeout: _duration_pb2.Duration
    queue_concurrency_limit: int
    schedule: ScheduleDeclaration
    trigger: TriggerDeclaration
    state_index: _containers.RepeatedScalarFieldContainer[str]
    state_version: int
    def __init__(self, id: _Optional[str] = ..., description: _Optional[str] = ..., queue: _Optional[str] = ..., payload_schema: _Optional[str] = ..., state_schema: _Optional[str] = ..., result_schema: _Optional[str] = ..., retry_policy: _Optional[_Union[_execution_pb2.RetryPolicy, _Mapping]] = ..., run_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., queue_concurrency_limit: _Optional[int] = ..., schedule: _Optional[_Union[ScheduleDeclaration, _Mapping]] = ..., trigger: _Optional[_Union[TriggerDeclaration, _Mapping]] = ..., state_index: _Optional[_Iterable[str]] = ..., state_version: _Optional[int] = ...) -> None: ...

class ScheduleDeclaration(_message.Message):
    __slots__ = ("cron", "timezone")
    CRON_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    cron: str
    timezone: str
    def __init__(self, cron: _Optional[str] = ..., timezone: _Optional[str] = ...) -> None: ...

class TriggerDeclaration(_message.Message):
    __slots__ = ("topic", "batch_size", "batch_timeout")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    BATCH_SIZE_FIELD_NUMBER: _ClassVar[int]
    BATCH_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    topic: str
    batch_size: int
    batch_timeout: _duration_pb2.Duration
    def __init__(self, topic: _Optional[str] = ..., batch_size: _Optional[int] = ..., batch_timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class WorkerInfo(_message.Message):
    __slots__ = ("id", "deployment_id", "build_id", "sdk_name", "sdk_version", "identity", "workflow_ids", "queues", "max_concurrent_executions", "running_executions", "register_time", "last_seen_time", "streaming")
    ID_FIELD_NUMBER: _ClassVar[int]
    DEPLOYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    BUILD_ID_FIELD_NUMBER: _ClassVar[int]
    SDK_NAME_FIELD_NUMBER: _ClassVar[int]
    SDK_VERSION_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_IDS_FIELD_NUMBER: _ClassVar[int]
    QUEUES_FIELD_NUMBER: _ClassVar[int]
    MAX_CONCURRENT_EXECUTIONS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_EXECUTIONS_FIELD_NUMBER: _ClassVar[int]
    REGISTER_TIME_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_TIME_FIELD_NUMBER: _ClassVar[int]
    STREAMING_FIELD_NUMBER: _ClassVar[int]
    id: str
    deployment_id: str
    build_id: str
    sdk_name: str
    sdk_version: str
    identity: str
    workflow_ids: _containers.RepeatedScalarFieldContainer[str]
    queues: _containers.RepeatedScalarFieldContainer[str]
    max_concurrent_executions: int
    running_executions: int
    register_time: _timestamp_pb2.Timestamp
    last_seen_time: _timestamp_pb2.Timestamp
    streaming: bool
    def __init__(self, id: _Optional[str] = ..., deployment_id: _Optional[str] = ..., build_id: _Optional[str] = ..., sdk_name: _Optional[str] = ..., sdk_version: _Optional[str] = ..., identity: _Optional[str] = ..., workflow_ids: _Optional[_Iterable[str]] = ..., queues: _Optional[_Iterable[str]] = ..., max_concurrent_executions: _Optional[int] = ..., running_executions: _Optional[int] = ..., register_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_seen_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., streaming: bool = ...) -> None: ...

class ServerLimits(_message.Message):
    __slots__ = ("state_bytes", "json_depth", "payload_bytes", "message_bytes")
    STATE_BYTES_FIELD_NUMBER: _ClassVar[int]
    JSON_DEPTH_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_BYTES_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    state_bytes: int
    json_depth: int
    payload_bytes: int
    message_bytes: int
    def __init__(self, state_bytes: _Optional[int] = ..., json_depth: _Optional[int] = ..., payload_bytes: _Optional[int] = ..., message_bytes: _Optional[int] = ...) -> None: ...
