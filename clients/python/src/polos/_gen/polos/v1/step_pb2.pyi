import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from polos._gen.polos.v1 import failure_pb2 as _failure_pb2
from polos._gen.polos.v1 import payload_pb2 as _payload_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StepKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STEP_KIND_UNSPECIFIED: _ClassVar[StepKind]
    STEP_KIND_RUN: _ClassVar[StepKind]
    STEP_KIND_INVOKE: _ClassVar[StepKind]
    STEP_KIND_INVOKE_AND_WAIT: _ClassVar[StepKind]
    STEP_KIND_UUID: _ClassVar[StepKind]
    STEP_KIND_NOW: _ClassVar[StepKind]
    STEP_KIND_RANDOM: _ClassVar[StepKind]
    STEP_KIND_WAIT_FOR: _ClassVar[StepKind]
    STEP_KIND_WAIT_FOR_EVENT: _ClassVar[StepKind]
    STEP_KIND_SUSPEND: _ClassVar[StepKind]
    STEP_KIND_RESUME: _ClassVar[StepKind]
    STEP_KIND_PUBLISH_EVENT: _ClassVar[StepKind]
    STEP_KIND_BATCH_INVOKE: _ClassVar[StepKind]
    STEP_KIND_BATCH_INVOKE_AND_WAIT: _ClassVar[StepKind]
    STEP_KIND_STATE_REPAIR: _ClassVar[StepKind]
    STEP_KIND_STATE_MIGRATION: _ClassVar[StepKind]

class StepStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STEP_STATUS_UNSPECIFIED: _ClassVar[StepStatus]
    STEP_STATUS_PENDING: _ClassVar[StepStatus]
    STEP_STATUS_COMPLETED: _ClassVar[StepStatus]
    STEP_STATUS_FAILED: _ClassVar[StepStatus]
STEP_KIND_UNSPECIFIED: StepKind
STEP_KIND_RUN: StepKind
STEP_KIND_INVOKE: StepKind
STEP_KIND_INVOKE_AND_WAIT: StepKind
STEP_KIND_UUID: StepKind
STEP_KIND_NOW: StepKind
STEP_KIND_RANDOM: StepKind
STEP_KIND_WAIT_FOR: StepKind
STEP_KIND_WAIT_FOR_EVENT: StepKind
STEP_KIND_SUSPEND: StepKind
STEP_KIND_RESUME: StepKind
STEP_KIND_PUBLISH_EVENT: StepKind
STEP_KIND_BATCH_INVOKE: StepKind
STEP_KIND_BATCH_INVOKE_AND_WAIT: StepKind
STEP_KIND_STATE_REPAIR: StepKind
STEP_KIND_STATE_MIGRATION: StepKind
STEP_STATUS_UNSPECIFIED: StepStatus
STEP_STATUS_PENDING: StepStatus
STEP_STATUS_COMPLETED: StepStatus
STEP_STATUS_FAILED: StepStatus

class StepAttempt(_message.Message):
    __slots__ = ("number", "start_time", "end_time", "failure")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    number: int
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    failure: _failure_pb2.Failure
    def __init__(self, number: _Optional[int] = ..., start_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., failure: _Optional[_Union[_failure_pb2.Failure, _Mapping]] = ...) -> None: ...

class StepRecord(_message.Message):
    __slots__ = ("key", "kind", "status", "sequence", "result", "failure", "attempts", "child_execution_id", "state_patch", "record_time", "before_code", "from_state_version", "to_state_version")
    KEY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    CHILD_EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_PATCH_FIELD_NUMBER: _ClassVar[int]
    RECORD_TIME_FIELD_NUMBER: _ClassVar[int]
    BEFORE_CODE_FIELD_NUMBER: _ClassVar[int]
    FROM_STATE_VERSION_FIELD_NUMBER: _ClassVar[int]
    TO_STATE_VERSION_FIELD_NUMBER: _ClassVar[int]
    key: str
    kind: StepKind
    status: StepStatus
    sequence: int
    result: _payload_pb2.Payload
    failure: _failure_pb2.Failure
    attempts: _containers.RepeatedCompositeFieldContainer[StepAttempt]
    child_execution_id: str
    state_patch: str
    record_time: _timestamp_pb2.Timestamp
    before_code: bool
    from_state_version: int
    to_state_version: int
    def __init__(self, key: _Optional[str] = ..., kind: _Optional[_Union[StepKind, str]] = ..., status: _Optional[_Union[StepStatus, str]] = ..., sequence: _Optional[int] = ..., result: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., failure: _Optional[_Union[_failure_pb2.Failure, _Mapping]] = ..., attempts: _Optional[_Iterable[_Union[StepAttempt, _Mapping]]] = ..., child_execution_id: _Optional[str] = ..., state_patch: _Optional[str] = ..., record_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., before_code: bool = ..., from_state_version: _Optional[int] = ..., to_state_version: _Optional[int] = ...) -> None: ...
