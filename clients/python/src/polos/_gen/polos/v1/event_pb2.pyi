import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from polos._gen.polos.v1 import payload_pb2 as _payload_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Event(_message.Message):
    __slots__ = ("sequence", "execution_id", "workflow_id", "type", "data", "create_time", "step_key", "state_revision", "topic")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    WORKFLOW_ID_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    CREATE_TIME_FIELD_NUMBER: _ClassVar[int]
    STEP_KEY_FIELD_NUMBER: _ClassVar[int]
    STATE_REVISION_FIELD_NUMBER: _ClassVar[int]
    TOPIC_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    execution_id: str
    workflow_id: str
    type: str
    data: _payload_pb2.Payload
    create_time: _timestamp_pb2.Timestamp
    step_key: str
    state_revision: int
    topic: str
    def __init__(self, sequence: _Optional[int] = ..., execution_id: _Optional[str] = ..., workflow_id: _Optional[str] = ..., type: _Optional[str] = ..., data: _Optional[_Union[_payload_pb2.Payload, _Mapping]] = ..., create_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., step_key: _Optional[str] = ..., state_revision: _Optional[int] = ..., topic: _Optional[str] = ...) -> None: ...
