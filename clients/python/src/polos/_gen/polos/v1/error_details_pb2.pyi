from polos._gen.polos.v1 import execution_pb2 as _execution_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SchemaViolation(_message.Message):
    __slots__ = ("value", "digest", "issues")
    class Issue(_message.Message):
        __slots__ = ("path", "keyword", "message")
        PATH_FIELD_NUMBER: _ClassVar[int]
        KEYWORD_FIELD_NUMBER: _ClassVar[int]
        MESSAGE_FIELD_NUMBER: _ClassVar[int]
        path: str
        keyword: str
        message: str
        def __init__(self, path: _Optional[str] = ..., keyword: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...
    VALUE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    ISSUES_FIELD_NUMBER: _ClassVar[int]
    value: str
    digest: str
    issues: _containers.RepeatedCompositeFieldContainer[SchemaViolation.Issue]
    def __init__(self, value: _Optional[str] = ..., digest: _Optional[str] = ..., issues: _Optional[_Iterable[_Union[SchemaViolation.Issue, _Mapping]]] = ...) -> None: ...

class LimitExceeded(_message.Message):
    __slots__ = ("limit", "maximum", "actual", "path")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_FIELD_NUMBER: _ClassVar[int]
    ACTUAL_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    limit: str
    maximum: int
    actual: int
    path: str
    def __init__(self, limit: _Optional[str] = ..., maximum: _Optional[int] = ..., actual: _Optional[int] = ..., path: _Optional[str] = ...) -> None: ...

class IdempotencyMismatch(_message.Message):
    __slots__ = ("idempotency_key", "execution_id")
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    idempotency_key: str
    execution_id: str
    def __init__(self, idempotency_key: _Optional[str] = ..., execution_id: _Optional[str] = ...) -> None: ...

class EventsDeleted(_message.Message):
    __slots__ = ("topic", "cursor", "oldest_sequence")
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    OLDEST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    topic: str
    cursor: int
    oldest_sequence: int
    def __init__(self, topic: _Optional[str] = ..., cursor: _Optional[int] = ..., oldest_sequence: _Optional[int] = ...) -> None: ...

class LeaseLost(_message.Message):
    __slots__ = ("execution_id", "epoch", "current_epoch")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    CURRENT_EPOCH_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    epoch: int
    current_epoch: int
    def __init__(self, execution_id: _Optional[str] = ..., epoch: _Optional[int] = ..., current_epoch: _Optional[int] = ...) -> None: ...

class ResultConflict(_message.Message):
    __slots__ = ("execution_id", "step_key")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_KEY_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    step_key: str
    def __init__(self, execution_id: _Optional[str] = ..., step_key: _Optional[str] = ...) -> None: ...

class ExecutionClosed(_message.Message):
    __slots__ = ("execution_id", "status")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    status: _execution_pb2.ExecutionStatus
    def __init__(self, execution_id: _Optional[str] = ..., status: _Optional[_Union[_execution_pb2.ExecutionStatus, str]] = ...) -> None: ...

class ExecutionRunning(_message.Message):
    __slots__ = ("execution_id", "worker_id")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    worker_id: str
    def __init__(self, execution_id: _Optional[str] = ..., worker_id: _Optional[str] = ...) -> None: ...

class NonDeterminism(_message.Message):
    __slots__ = ("execution_id", "step_key", "recorded", "got")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_KEY_FIELD_NUMBER: _ClassVar[int]
    RECORDED_FIELD_NUMBER: _ClassVar[int]
    GOT_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    step_key: str
    recorded: str
    got: str
    def __init__(self, execution_id: _Optional[str] = ..., step_key: _Optional[str] = ..., recorded: _Optional[str] = ..., got: _Optional[str] = ...) -> None: ...
