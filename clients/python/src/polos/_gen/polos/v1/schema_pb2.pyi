import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from polos._gen.polos.v1 import error_details_pb2 as _error_details_pb2
from polos._gen.polos.v1 import execution_pb2 as _execution_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SchemaKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SCHEMA_KIND_UNSPECIFIED: _ClassVar[SchemaKind]
    SCHEMA_KIND_PAYLOAD: _ClassVar[SchemaKind]
    SCHEMA_KIND_STATE: _ClassVar[SchemaKind]
    SCHEMA_KIND_RESULT: _ClassVar[SchemaKind]

class Compatibility(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COMPATIBILITY_UNSPECIFIED: _ClassVar[Compatibility]
    COMPATIBILITY_COMPATIBLE: _ClassVar[Compatibility]
    COMPATIBILITY_BREAKING: _ClassVar[Compatibility]
    COMPATIBILITY_UNKNOWN: _ClassVar[Compatibility]
SCHEMA_KIND_UNSPECIFIED: SchemaKind
SCHEMA_KIND_PAYLOAD: SchemaKind
SCHEMA_KIND_STATE: SchemaKind
SCHEMA_KIND_RESULT: SchemaKind
COMPATIBILITY_UNSPECIFIED: Compatibility
COMPATIBILITY_COMPATIBLE: Compatibility
COMPATIBILITY_BREAKING: Compatibility
COMPATIBILITY_UNKNOWN: Compatibility

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
    __slots__ = ("workflow_id", "kind", "digest", "previous_digest", "problem", "comparison", "live_states")
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    COMPARISON_FIELD_NUMBER: _ClassVar[int]
    LIVE_STATES_FIELD_NUMBER: _ClassVar[int]
    workflow_id: str
    kind: SchemaKind
    digest: str
    previous_digest: str
    problem: str
    comparison: SchemaComparison
    live_states: LiveStates
    def __init__(self, workflow_id: _Optional[str] = ..., kind: _Optional[_Union[SchemaKind, str]] = ..., digest: _Optional[str] = ..., previous_digest: _Optional[str] = ..., problem: _Optional[str] = ..., comparison: _Optional[_Union[SchemaComparison, _Mapping]] = ..., live_states: _Optional[_Union[LiveStates, _Mapping]] = ...) -> None: ...

class SchemaFinding(_message.Message):
    __slots__ = ("compatibility", "schema_path", "keyword", "message")
    COMPATIBILITY_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_PATH_FIELD_NUMBER: _ClassVar[int]
    KEYWORD_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    compatibility: Compatibility
    schema_path: str
    keyword: str
    message: str
    def __init__(self, compatibility: _Optional[_Union[Compatibility, str]] = ..., schema_path: _Optional[str] = ..., keyword: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class SchemaComparison(_message.Message):
    __slots__ = ("compatibility", "findings", "omitted_findings")
    COMPATIBILITY_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    OMITTED_FINDINGS_FIELD_NUMBER: _ClassVar[int]
    compatibility: Compatibility
    findings: _containers.RepeatedCompositeFieldContainer[SchemaFinding]
    omitted_findings: int
    def __init__(self, compatibility: _Optional[_Union[Compatibility, str]] = ..., findings: _Optional[_Iterable[_Union[SchemaFinding, _Mapping]]] = ..., omitted_findings: _Optional[int] = ...) -> None: ...

class LiveStates(_message.Message):
    __slots__ = ("checked", "breaking", "unchecked", "complete", "breaking_executions")
    class Breaking(_message.Message):
        __slots__ = ("execution_id", "status", "state_revision", "issues")
        EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
        STATUS_FIELD_NUMBER: _ClassVar[int]
        STATE_REVISION_FIELD_NUMBER: _ClassVar[int]
        ISSUES_FIELD_NUMBER: _ClassVar[int]
        execution_id: str
        status: _execution_pb2.ExecutionStatus
        state_revision: int
        issues: _containers.RepeatedCompositeFieldContainer[_error_details_pb2.SchemaViolation.Issue]
        def __init__(self, execution_id: _Optional[str] = ..., status: _Optional[_Union[_execution_pb2.ExecutionStatus, str]] = ..., state_revision: _Optional[int] = ..., issues: _Optional[_Iterable[_Union[_error_details_pb2.SchemaViolation.Issue, _Mapping]]] = ...) -> None: ...
    CHECKED_FIELD_NUMBER: _ClassVar[int]
    BREAKING_FIELD_NUMBER: _ClassVar[int]
    UNCHECKED_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    BREAKING_EXECUTIONS_FIELD_NUMBER: _ClassVar[int]
    checked: int
    breaking: int
    unchecked: int
    complete: bool
    breaking_executions: _containers.RepeatedCompositeFieldContainer[LiveStates.Breaking]
    def __init__(self, checked: _Optional[int] = ..., breaking: _Optional[int] = ..., unchecked: _Optional[int] = ..., complete: bool = ..., breaking_executions: _Optional[_Iterable[_Union[LiveStates.Breaking, _Mapping]]] = ...) -> None: ...

class SchemaReference(_message.Message):
    __slots__ = ("digest", "json_schema")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    JSON_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    digest: str
    json_schema: str
    def __init__(self, digest: _Optional[str] = ..., json_schema: _Optional[str] = ...) -> None: ...
