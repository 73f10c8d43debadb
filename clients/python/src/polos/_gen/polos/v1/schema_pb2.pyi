import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SchemaKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SCHEMA_KIND_UNSPECIFIED: _ClassVar[SchemaKind]
    SCHEMA_KIND_PAYLOAD: _ClassVar[SchemaKind]
    SCHEMA_KIND_STATE: _ClassVar[SchemaKind]
    SCHEMA_KIND_RESULT: _ClassVar[SchemaKind]
SCHEMA_KIND_UNSPECIFIED: SchemaKind
SCHEMA_KIND_PAYLOAD: SchemaKind
SCHEMA_KIND_STATE: SchemaKind
SCHEMA_KIND_RESULT: SchemaKind

class Schema(_message.Message):
    __slots__ = ("workflow_id", "kind", "digest", "json_schema", "register_time", "current")
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    JSON_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    REGISTER_TIME_FIELD_NUMBER: _ClassVar[int]
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    workflow_id: str
    kind: SchemaKind
    digest: str
    json_schema: str
    register_time: _timestamp_pb2.Timestamp
    current: bool
    def __init__(self, workflow_id: _Optional[str] = ..., kind: _Optional[_Union[SchemaKind, str]] = ..., digest: _Optional[str] = ..., json_schema: _Optional[str] = ..., register_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., current: bool = ...) -> None: ...

class SchemaReport(_message.Message):
    __slots__ = ("workflow_id", "kind", "digest", "previous_digest", "problem")
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    workflow_id: str
    kind: SchemaKind
    digest: str
    previous_digest: str
    problem: str
    def __init__(self, workflow_id: _Optional[str] = ..., kind: _Optional[_Union[SchemaKind, str]] = ..., digest: _Optional[str] = ..., previous_digest: _Optional[str] = ..., problem: _Optional[str] = ...) -> None: ...
