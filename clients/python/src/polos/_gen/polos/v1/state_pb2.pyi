import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StateChangeCause(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATE_CHANGE_CAUSE_UNSPECIFIED: _ClassVar[StateChangeCause]
    STATE_CHANGE_CAUSE_REPAIR: _ClassVar[StateChangeCause]
    STATE_CHANGE_CAUSE_MIGRATION: _ClassVar[StateChangeCause]
STATE_CHANGE_CAUSE_UNSPECIFIED: StateChangeCause
STATE_CHANGE_CAUSE_REPAIR: StateChangeCause
STATE_CHANGE_CAUSE_MIGRATION: StateChangeCause

class State(_message.Message):
    __slots__ = ("json", "revision", "update_time", "size_bytes", "final")
    JSON_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    UPDATE_TIME_FIELD_NUMBER: _ClassVar[int]
    SIZE_BYTES_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    json: str
    revision: int
    update_time: _timestamp_pb2.Timestamp
    size_bytes: int
    final: bool
    def __init__(self, json: _Optional[str] = ..., revision: _Optional[int] = ..., update_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., size_bytes: _Optional[int] = ..., final: bool = ...) -> None: ...

class StateRevision(_message.Message):
    __slots__ = ("revision", "patch", "create_time", "step_key", "cause", "reason", "author", "from_state_version", "to_state_version")
    REVISION_FIELD_NUMBER: _ClassVar[int]
    PATCH_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    STEP_KEY_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    AUTHOR_FIELD_NUMBER: _ClassVar[int]
    FROM_STATE_VERSION_FIELD_NUMBER: _ClassVar[int]
    TO_STATE_VERSION_FIELD_NUMBER: _ClassVar[int]
    revision: int
    patch: str
    create_time: _timestamp_pb2.Timestamp
    step_key: str
    cause: StateChangeCause
    reason: str
    author: str
    from_state_version: int
    to_state_version: int
    def __init__(self, revision: _Optional[int] = ..., patch: _Optional[str] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., step_key: _Optional[str] = ..., cause: _Optional[_Union[StateChangeCause, str]] = ..., reason: _Optional[str] = ..., author: _Optional[str] = ..., from_state_version: _Optional[int] = ..., to_state_version: _Optional[int] = ...) -> None: ...
