"""The rules that start executions of workflows at times."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ._gen.polos.v1 import schedule_pb2
from ._gen.polos.v1 import workflow_service_pb2 as pb
from .execution_handle import ExecutionHandle
from .execution_id import create_execution_id
from .invoke_request import to_workflow_id
from .message import to_message
from .methods import (
    CREATE_SCHEDULE,
    DELETE_SCHEDULE,
    LIST_SCHEDULES,
    PAUSE_SCHEDULE,
    TRIGGER_SCHEDULE,
    UNPAUSE_SCHEDULE,
)
from .payload import from_payload, to_payload
from .queue import Queue, queue_name
from .time import duration_seconds, to_datetime, to_optional_duration
from .transport import Transport
from .workflow_target import WorkflowTarget

if TYPE_CHECKING:
    from .client import PolosClient


@dataclass(frozen=True)
class ScheduleInfo:
    """A schedule as the server knows it."""

    id: str
    workflow_id: str
    key: str
    """Tells several of one workflow apart; "workflow" for the one that the workflow declares."""
    cron: str
    timezone: str
    paused: bool
    payload: Any
    catch_up_seconds: float
    queue: str | None
    """None for the workflow's own."""
    next_at: datetime | None
    """The next time that it starts an execution; None while it is paused, and where there is none."""
    last_at: datetime | None
    """The last time that it started one; None for none."""
    created_at: datetime | None


class SchedulesApi:
    """The rules that start executions of workflows at times."""

    def __init__(self, transport: Transport) -> None:
        """It comes from `PolosClient`."""
        self._transport = transport

    async def create(
        self,
        workflow: WorkflowTarget,
        cron: str,
        timezone: str = "UTC",
        key: str = "global",
        *,
        payload: Any = None,
        catch_up_seconds: float | None = None,
        queue: str | Queue | None = None,
        paused: bool = False,
    ) -> str:
        """Creates a schedule, or replaces the one of the same workflow and key.

        Returns its id, which is the same whenever it is created.

        - `cron`: five fields: minute, hour, day of month, month, day of week.
        - `timezone`: of the IANA database.
        - `key`: tells several schedules of one workflow apart. At most 200 bytes.
        - `payload`: what its executions receive as `payload` beside the times: plain JSON data or a model.
        - `catch_up_seconds`: times that no server was there for are made up, oldest first, if they are not longer ago than
          this. Default 86,400; 0 for none of them. At most 366 days.
        - `queue`: the queue of its executions. Default: the workflow's own.
        - `paused`: whether it starts nothing until `unpause`.

        Raises InvalidArgumentError for a cron expression that means nothing, and for an unknown time zone; LimitExceededError
        for more than 10,000 in a project; SerializationError, PayloadSizeError; TypeError, ValueError for a value that its
        field cannot hold.
        """
        schedule = to_message(
            schedule_pb2.Schedule,
            workflow_id=to_workflow_id(workflow),
            cron=cron,
            timezone=timezone,
            key=key,
            paused=paused,
            queue=queue_name(queue),
            payload=to_payload(payload),
            catch_up=to_optional_duration("catch_up_seconds", catch_up_seconds),
        )
        request = pb.CreateScheduleRequest(schedule=schedule)
        return (await self._transport.call(CREATE_SCHEDULE, request, repeatable=True)).schedule.id

    async def list(self, workflow: WorkflowTarget | None = None) -> list[ScheduleInfo]:
        """Lists all schedules, or those of a workflow, by workflow and key."""
        workflow_id = "" if workflow is None else to_workflow_id(workflow)
        found: list[ScheduleInfo] = []
        token = ""
        while True:
            request = pb.ListSchedulesRequest(workflow_id=workflow_id, page_token=token)
            page = await self._transport.call(LIST_SCHEDULES, request, repeatable=True)
            found += map(_to_schedule_info, page.schedules)
            token = page.next_page_token
            if not token:
                return found

    async def pause(self, schedule_id: str) -> None:
        """Has a schedule start nothing until `unpause`. May be repeated. Raises NotFoundError."""
        request = pb.PauseScheduleRequest(schedule_id=schedule_id)
        await self._transport.call(PAUSE_SCHEDULE, request, repeatable=True)

    async def unpause(self, schedule_id: str) -> None:
        """Has a schedule go on with its next time. What a pause left out is not made up. May be repeated.

        Raises NotFoundError.
        """
        request = pb.UnpauseScheduleRequest(schedule_id=schedule_id)
        await self._transport.call(UNPAUSE_SCHEDULE, request, repeatable=True)

    async def trigger(self, schedule_id: str, *, idempotency_key: str | None = None) -> ExecutionHandle[Any]:
        """Starts an execution of a schedule now, beside its times.

        `idempotency_key`: one key in a project, one execution. Default: a fresh one for each call.

        Raises NotFoundError; PayloadValidationError, StateValidationError if the workflow's schema refuses;
        IdempotencyMismatchError.
        """
        key = idempotency_key or create_execution_id()
        request = pb.TriggerScheduleRequest(schedule_id=schedule_id, idempotency_key=key)
        answer = await self._transport.call(TRIGGER_SCHEDULE, request, repeatable=True)
        return ExecutionHandle(self._transport, answer.execution_id)

    async def delete(self, schedule_id: str) -> None:
        """Deletes a schedule. Executions that it started go on. May be repeated for a day. Raises NotFoundError."""
        request = pb.DeleteScheduleRequest(schedule_id=schedule_id)
        await self._transport.call(DELETE_SCHEDULE, request, repeatable=True)


async def create(
    client: PolosClient, workflow: WorkflowTarget, cron: str, timezone: str = "UTC", key: str = "global"
) -> str:
    """As the public Polos SDK has it: `client.schedules.create` as a function, `polos.schedules.create`."""
    return await client.schedules.create(workflow, cron, timezone, key)


def _to_schedule_info(schedule: schedule_pb2.Schedule) -> ScheduleInfo:
    def time_of(field: str) -> datetime | None:
        return to_datetime(getattr(schedule, field)) if schedule.HasField(field) else None

    return ScheduleInfo(
        id=schedule.id,
        workflow_id=schedule.workflow_id,
        key=schedule.key,
        cron=schedule.cron,
        timezone=schedule.timezone,
        paused=schedule.paused,
        payload=from_payload(schedule.payload),
        catch_up_seconds=duration_seconds(schedule.catch_up),
        queue=schedule.queue or None,
        next_at=time_of("next_time"),
        last_at=time_of("last_time"),
        created_at=time_of("create_time"),
    )
