import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.rpc import status_pb2 as _status_pb2
from polos._gen.polos.v1 import command_pb2 as _command_pb2
from polos._gen.polos.v1 import execution_pb2 as _execution_pb2
from polos._gen.polos.v1 import schema_pb2 as _schema_pb2
from polos._gen.polos.v1 import step_pb2 as _step_pb2
from polos._gen.polos.v1 import worker_pb2 as _worker_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RegisterWorkerRequest(_message.Message):
    __slots__ = ("workflows", "queues", "deployment_id", "build_id", "sdk_name", "sdk_version", "identity", "max_concurrent_executions", "capabilities")
    WORKFLOWS_FIELD_NUMBER: _ClassVar[int]
    QUEUES_FIELD_NUMBER: _ClassVar[int]
    DEPLOYMENT_ID_FIELD_NUMBER: _ClassVar[int]
    BUILD_ID_FIELD_NUMBER: _ClassVar[int]
    SDK_NAME_FIELD_NUMBER: _ClassVar[int]
    SDK_VERSION_FIELD_NUMBER: _ClassVar[int]
    IDENTITY_FIELD_NUMBER: _ClassVar[int]
    MAX_CONCURRENT_EXECUTIONS_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    workflows: _containers.RepeatedCompositeFieldContainer[_worker_pb2.WorkflowDefinition]
    queues: _containers.RepeatedScalarFieldContainer[str]
    deployment_id: str
    build_id: str
    sdk_name: str
    sdk_version: str
    identity: str
    max_concurrent_executions: int
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, workflows: _Optional[_Iterable[_Union[_worker_pb2.WorkflowDefinition, _Mapping]]] = ..., queues: _Optional[_Iterable[str]] = ..., deployment_id: _Optional[str] = ..., build_id: _Optional[str] = ..., sdk_name: _Optional[str] = ..., sdk_version: _Optional[str] = ..., identity: _Optional[str] = ..., max_concurrent_executions: _Optional[int] = ..., capabilities: _Optional[_Iterable[str]] = ...) -> None: ...

class RegisterWorkerResponse(_message.Message):
    __slots__ = ("worker_id", "limits", "lease_duration", "schema_reports")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    LEASE_DURATION_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_REPORTS_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    limits: _worker_pb2.ServerLimits
    lease_duration: _duration_pb2.Duration
    schema_reports: _containers.RepeatedCompositeFieldContainer[_schema_pb2.SchemaReport]
    def __init__(self, worker_id: _Optional[str] = ..., limits: _Optional[_Union[_worker_pb2.ServerLimits, _Mapping]] = ..., lease_duration: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., schema_reports: _Optional[_Iterable[_Union[_schema_pb2.SchemaReport, _Mapping]]] = ...) -> None: ...

class Lease(_message.Message):
    __slots__ = ("execution_id", "epoch", "token")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    epoch: int
    token: str
    def __init__(self, execution_id: _Optional[str] = ..., epoch: _Optional[int] = ..., token: _Optional[str] = ...) -> None: ...

class Assignment(_message.Message):
    __slots__ = ("lease", "lease_expire_time", "execution", "state", "steps", "next_steps_page_token", "state_unsettled", "cancel_requested", "omitted_steps")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    LEASE_EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    NEXT_STEPS_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    STATE_UNSETTLED_FIELD_NUMBER: _ClassVar[int]
    CANCEL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    OMITTED_STEPS_FIELD_NUMBER: _ClassVar[int]
    lease: Lease
    lease_expire_time: _timestamp_pb2.Timestamp
    execution: _execution_pb2.Execution
    state: str
    steps: _containers.RepeatedCompositeFieldContainer[_step_pb2.StepRecord]
    next_steps_page_token: str
    state_unsettled: bool
    cancel_requested: bool
    omitted_steps: int
    def __init__(self, lease: _Optional[_Union[Lease, _Mapping]] = ..., lease_expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., execution: _Optional[_Union[_execution_pb2.Execution, _Mapping]] = ..., state: _Optional[str] = ..., steps: _Optional[_Iterable[_Union[_step_pb2.StepRecord, _Mapping]]] = ..., next_steps_page_token: _Optional[str] = ..., state_unsettled: bool = ..., cancel_requested: bool = ..., omitted_steps: _Optional[int] = ...) -> None: ...

class PollRequest(_message.Message):
    __slots__ = ("worker_id", "max_executions", "wait")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    MAX_EXECUTIONS_FIELD_NUMBER: _ClassVar[int]
    WAIT_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    max_executions: int
    wait: _duration_pb2.Duration
    def __init__(self, worker_id: _Optional[str] = ..., max_executions: _Optional[int] = ..., wait: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class PollResponse(_message.Message):
    __slots__ = ("assignments",)
    ASSIGNMENTS_FIELD_NUMBER: _ClassVar[int]
    assignments: _containers.RepeatedCompositeFieldContainer[Assignment]
    def __init__(self, assignments: _Optional[_Iterable[_Union[Assignment, _Mapping]]] = ...) -> None: ...

class CompleteStepRequest(_message.Message):
    __slots__ = ("lease", "sequence", "commands", "state_unsettled")
    LEASE_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    COMMANDS_FIELD_NUMBER: _ClassVar[int]
    STATE_UNSETTLED_FIELD_NUMBER: _ClassVar[int]
    lease: Lease
    sequence: int
    commands: _containers.RepeatedCompositeFieldContainer[_command_pb2.Command]
    state_unsettled: bool
    def __init__(self, lease: _Optional[_Union[Lease, _Mapping]] = ..., sequence: _Optional[int] = ..., commands: _Optional[_Iterable[_Union[_command_pb2.Command, _Mapping]]] = ..., state_unsettled: bool = ...) -> None: ...

class CompleteStepResponse(_message.Message):
    __slots__ = ("status", "state_revision", "step_count", "cancel_requested", "lease_expire_time", "outcomes")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    STATE_REVISION_FIELD_NUMBER: _ClassVar[int]
    STEP_COUNT_FIELD_NUMBER: _ClassVar[int]
    CANCEL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    LEASE_EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    status: _execution_pb2.ExecutionStatus
    state_revision: int
    step_count: int
    cancel_requested: bool
    lease_expire_time: _timestamp_pb2.Timestamp
    outcomes: _containers.RepeatedCompositeFieldContainer[_step_pb2.StepRecord]
    def __init__(self, status: _Optional[_Union[_execution_pb2.ExecutionStatus, str]] = ..., state_revision: _Optional[int] = ..., step_count: _Optional[int] = ..., cancel_requested: bool = ..., lease_expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., outcomes: _Optional[_Iterable[_Union[_step_pb2.StepRecord, _Mapping]]] = ...) -> None: ...

class ExtendLeasesRequest(_message.Message):
    __slots__ = ("worker_id", "leases", "released")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    LEASES_FIELD_NUMBER: _ClassVar[int]
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    leases: _containers.RepeatedCompositeFieldContainer[Lease]
    released: _containers.RepeatedCompositeFieldContainer[Lease]
    def __init__(self, worker_id: _Optional[str] = ..., leases: _Optional[_Iterable[_Union[Lease, _Mapping]]] = ..., released: _Optional[_Iterable[_Union[Lease, _Mapping]]] = ...) -> None: ...

class LeaseReport(_message.Message):
    __slots__ = ("execution_id", "epoch", "held", "lease_expire_time", "cancel_requested", "outcomes")
    EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    HELD_FIELD_NUMBER: _ClassVar[int]
    LEASE_EXPIRE_TIME_FIELD_NUMBER: _ClassVar[int]
    CANCEL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    execution_id: str
    epoch: int
    held: bool
    lease_expire_time: _timestamp_pb2.Timestamp
    cancel_requested: bool
    outcomes: _containers.RepeatedCompositeFieldContainer[_step_pb2.StepRecord]
    def __init__(self, execution_id: _Optional[str] = ..., epoch: _Optional[int] = ..., held: bool = ..., lease_expire_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., cancel_requested: bool = ..., outcomes: _Optional[_Iterable[_Union[_step_pb2.StepRecord, _Mapping]]] = ...) -> None: ...

class ExtendLeasesResponse(_message.Message):
    __slots__ = ("reports",)
    REPORTS_FIELD_NUMBER: _ClassVar[int]
    reports: _containers.RepeatedCompositeFieldContainer[LeaseReport]
    def __init__(self, reports: _Optional[_Iterable[_Union[LeaseReport, _Mapping]]] = ...) -> None: ...

class WorkRequest(_message.Message):
    __slots__ = ("hello", "credits", "complete", "extend_leases", "drain", "keepalive")
    class Hello(_message.Message):
        __slots__ = ("worker_id",)
        WORKER_ID_FIELD_NUMBER: _ClassVar[int]
        worker_id: str
        def __init__(self, worker_id: _Optional[str] = ...) -> None: ...
    class Credits(_message.Message):
        __slots__ = ("count",)
        COUNT_FIELD_NUMBER: _ClassVar[int]
        count: int
        def __init__(self, count: _Optional[int] = ...) -> None: ...
    class Complete(_message.Message):
        __slots__ = ("call_id", "request")
        CALL_ID_FIELD_NUMBER: _ClassVar[int]
        REQUEST_FIELD_NUMBER: _ClassVar[int]
        call_id: int
        request: CompleteStepRequest
        def __init__(self, call_id: _Optional[int] = ..., request: _Optional[_Union[CompleteStepRequest, _Mapping]] = ...) -> None: ...
    class Drain(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    class Keepalive(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    HELLO_FIELD_NUMBER: _ClassVar[int]
    CREDITS_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    EXTEND_LEASES_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    KEEPALIVE_FIELD_NUMBER: _ClassVar[int]
    hello: WorkRequest.Hello
    credits: WorkRequest.Credits
    complete: WorkRequest.Complete
    extend_leases: ExtendLeasesRequest
    drain: WorkRequest.Drain
    keepalive: WorkRequest.Keepalive
    def __init__(self, hello: _Optional[_Union[WorkRequest.Hello, _Mapping]] = ..., credits: _Optional[_Union[WorkRequest.Credits, _Mapping]] = ..., complete: _Optional[_Union[WorkRequest.Complete, _Mapping]] = ..., extend_leases: _Optional[_Union[ExtendLeasesRequest, _Mapping]] = ..., drain: _Optional[_Union[WorkRequest.Drain, _Mapping]] = ..., keepalive: _Optional[_Union[WorkRequest.Keepalive, _Mapping]] = ...) -> None: ...

class WorkResponse(_message.Message):
    __slots__ = ("welcome", "assignment", "completed", "leases_extended", "notice", "drain", "keepalive")
    class Welcome(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    class Completed(_message.Message):
        __slots__ = ("call_id", "response", "error")
        CALL_ID_FIELD_NUMBER: _ClassVar[int]
        RESPONSE_FIELD_NUMBER: _ClassVar[int]
        ERROR_FIELD_NUMBER: _ClassVar[int]
        call_id: int
        response: CompleteStepResponse
        error: _status_pb2.Status
        def __init__(self, call_id: _Optional[int] = ..., response: _Optional[_Union[CompleteStepResponse, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...
    class Notice(_message.Message):
        __slots__ = ("execution_id", "epoch", "cancel_requested", "lease_lost", "outcomes")
        EXECUTION_ID_FIELD_NUMBER: _ClassVar[int]
        EPOCH_FIELD_NUMBER: _ClassVar[int]
        CANCEL_REQUESTED_FIELD_NUMBER: _ClassVar[int]
        LEASE_LOST_FIELD_NUMBER: _ClassVar[int]
        OUTCOMES_FIELD_NUMBER: _ClassVar[int]
        execution_id: str
        epoch: int
        cancel_requested: bool
        lease_lost: bool
        outcomes: _containers.RepeatedCompositeFieldContainer[_step_pb2.StepRecord]
        def __init__(self, execution_id: _Optional[str] = ..., epoch: _Optional[int] = ..., cancel_requested: bool = ..., lease_lost: bool = ..., outcomes: _Optional[_Iterable[_Union[_step_pb2.StepRecord, _Mapping]]] = ...) -> None: ...
    class Drain(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    class Keepalive(_message.Message):
        __slots__ = ()
        def __init__(self) -> None: ...
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_FIELD_NUMBER: _ClassVar[int]
    LEASES_EXTENDED_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    KEEPALIVE_FIELD_NUMBER: _ClassVar[int]
    welcome: WorkResponse.Welcome
    assignment: Assignment
    completed: WorkResponse.Completed
    leases_extended: ExtendLeasesResponse
    notice: WorkResponse.Notice
    drain: WorkResponse.Drain
    keepalive: WorkResponse.Keepalive
    def __init__(self, welcome: _Optional[_Union[WorkResponse.Welcome, _Mapping]] = ..., assignment: _Optional[_Union[Assignment, _Mapping]] = ..., completed: _Optional[_Union[WorkResponse.Completed, _Mapping]] = ..., leases_extended: _Optional[_Union[ExtendLeasesResponse, _Mapping]] = ..., notice: _Optional[_Union[WorkResponse.Notice, _Mapping]] = ..., drain: _Optional[_Union[WorkResponse.Drain, _Mapping]] = ..., keepalive: _Optional[_Union[WorkResponse.Keepalive, _Mapping]] = ...) -> None: ...
