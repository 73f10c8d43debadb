"""The methods of the API, as gRPC calls them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

from google.protobuf.message import Message
from typing_extensions import TypeVar

from ._gen.polos.v1 import worker_service_pb2 as worker
from ._gen.polos.v1 import workflow_service_pb2 as workflow

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)


@dataclass(frozen=True)
class Method(Generic[RequestT, ResponseT]):
    """One method: its path, and the types of its messages."""

    path: str
    request: type[RequestT]
    response: type[ResponseT]


_WORKFLOW = "/polos.v1.WorkflowService/"
_WORKER = "/polos.v1.WorkerService/"

INVOKE = Method(_WORKFLOW + "Invoke", workflow.InvokeRequest, workflow.InvokeResponse)
BATCH_INVOKE = Method(_WORKFLOW + "BatchInvoke", workflow.BatchInvokeRequest, workflow.BatchInvokeResponse)
GET_EXECUTION = Method(_WORKFLOW + "GetExecution", workflow.GetExecutionRequest, workflow.GetExecutionResponse)
AWAIT_RESULT = Method(_WORKFLOW + "AwaitResult", workflow.AwaitResultRequest, workflow.AwaitResultResponse)
LIST_EXECUTIONS = Method(_WORKFLOW + "ListExecutions", workflow.ListExecutionsRequest, workflow.ListExecutionsResponse)
CANCEL_EXECUTION = Method(
    _WORKFLOW + "CancelExecution", workflow.CancelExecutionRequest, workflow.CancelExecutionResponse
)
PAUSE_EXECUTION = Method(_WORKFLOW + "PauseExecution", workflow.PauseExecutionRequest, workflow.PauseExecutionResponse)
UNPAUSE_EXECUTION = Method(
    _WORKFLOW + "UnpauseExecution", workflow.UnpauseExecutionRequest, workflow.UnpauseExecutionResponse
)
RESUME_EXECUTION = Method(
    _WORKFLOW + "ResumeExecution", workflow.ResumeExecutionRequest, workflow.ResumeExecutionResponse
)
STREAM_EVENTS = Method(_WORKFLOW + "StreamEvents", workflow.StreamEventsRequest, workflow.StreamEventsResponse)
PUBLISH_EVENTS = Method(_WORKFLOW + "PublishEvents", workflow.PublishEventsRequest, workflow.PublishEventsResponse)
GET_STATE = Method(_WORKFLOW + "GetState", workflow.GetStateRequest, workflow.GetStateResponse)
WATCH_STATE = Method(_WORKFLOW + "WatchState", workflow.WatchStateRequest, workflow.WatchStateResponse)
LIST_STATE_REVISIONS = Method(
    _WORKFLOW + "ListStateRevisions", workflow.ListStateRevisionsRequest, workflow.ListStateRevisionsResponse
)
PATCH_STATE = Method(_WORKFLOW + "PatchState", workflow.PatchStateRequest, workflow.PatchStateResponse)
LIST_STEPS = Method(_WORKFLOW + "ListSteps", workflow.ListStepsRequest, workflow.ListStepsResponse)
CREATE_SCHEDULE = Method(_WORKFLOW + "CreateSchedule", workflow.CreateScheduleRequest, workflow.CreateScheduleResponse)
LIST_SCHEDULES = Method(_WORKFLOW + "ListSchedules", workflow.ListSchedulesRequest, workflow.ListSchedulesResponse)
PAUSE_SCHEDULE = Method(_WORKFLOW + "PauseSchedule", workflow.PauseScheduleRequest, workflow.PauseScheduleResponse)
UNPAUSE_SCHEDULE = Method(
    _WORKFLOW + "UnpauseSchedule", workflow.UnpauseScheduleRequest, workflow.UnpauseScheduleResponse
)
TRIGGER_SCHEDULE = Method(
    _WORKFLOW + "TriggerSchedule", workflow.TriggerScheduleRequest, workflow.TriggerScheduleResponse
)
DELETE_SCHEDULE = Method(_WORKFLOW + "DeleteSchedule", workflow.DeleteScheduleRequest, workflow.DeleteScheduleResponse)

REGISTER_WORKER = Method(_WORKER + "RegisterWorker", worker.RegisterWorkerRequest, worker.RegisterWorkerResponse)
WORK = Method(_WORKER + "Work", worker.WorkRequest, worker.WorkResponse)
