"""What has executions of a workflow started without anybody's asking."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from .name import TOPIC_BYTES_MAX, is_name


@dataclass(frozen=True)
class ScheduleConfig:
    """When a workflow starts by itself."""

    cron: str
    """Five fields: minute, hour, day of month, month, day of week, for example `30 3 * * MON-FRI`."""
    timezone: str = "UTC"
    """A time zone of the IANA database."""


class _Wire(BaseModel):
    """What a server sends: its names in camelCase, here in snake_case."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class SchedulePayload(_Wire):
    """What a handler receives that was started by a schedule: annotate its payload with this. Times are in UTC."""

    timestamp: datetime
    """The time that it was to start at, however late it did."""
    last_timestamp: datetime | None
    """The time before that at which the schedule started one; None for none."""
    timezone: str
    """The schedule's time zone."""
    schedule_id: str
    """The schedule's id."""
    key: str
    """The schedule's key; "workflow" for the one that the workflow declares."""
    upcoming: list[datetime]
    """The next five times, or fewer if there are no more."""
    payload: Any = None
    """What the schedule was created with, as plain JSON data; None for nothing."""


class EventTriggerPayload(_Wire):
    """What a handler receives that was started by an event: annotate its payload with this."""

    topic: str
    """The topic that it was published to."""
    sequence: int
    """Its number within the topic: 1 for the first, no gaps."""
    type: str
    """The word for what happened."""
    data: Any = None
    """What belongs to it, as plain JSON data; None for nothing."""
    bytes: str | None = None
    """In place of `data`, where that is bytes: them in base64."""
    encoding: str | None = None
    """What the bytes are, as who published them says."""
    create_time: datetime
    """When it was published."""
    execution_id: str | None = None
    """The execution that published it; None if a client did."""


class BatchEventPayload(_Wire):
    """What a handler receives that was started by several events (`batch_size` above 1): annotate its payload with this."""

    events: list[EventTriggerPayload]
    """Them, oldest first. At least one."""


def to_schedule_config(workflow_id: str, given: Any) -> ScheduleConfig | None:
    """The rule that a workflow's `schedule` declares; None for True, False and None, which declare nothing.

    Raises TypeError for what is no schedule. Whether cron and time zone mean something is the server's to say.
    """
    if given is None or isinstance(given, bool):
        return None
    what = f'the schedule of "{workflow_id}"'
    rule = given
    if isinstance(given, str):
        rule = ScheduleConfig(given)
    elif isinstance(given, Mapping):
        unknown = sorted(str(key) for key in given if key not in ("cron", "timezone"))
        if unknown or "cron" not in given:
            raise TypeError(f"{what} is a dict of cron and timezone, and has {sorted(map(str, given))}")
        rule = ScheduleConfig(given["cron"], given.get("timezone") or "UTC")
    if not isinstance(rule, ScheduleConfig):
        raise TypeError(f"{what} is a cron expression, a ScheduleConfig or a dict of its fields, not {given!r}")
    if not isinstance(rule.cron, str):
        raise TypeError(f"{what} should be a text, not {rule.cron!r}")
    return rule


def assert_trigger(workflow_id: str, topic: Any, batch_size: Any, batch_timeout_seconds: Any) -> None:
    """Refuses early what no server takes. Raises TypeError, ValueError."""
    if topic is None:
        if batch_size is None and batch_timeout_seconds is None:
            return
        raise TypeError(
            f'batch_size and batch_timeout_seconds of "{workflow_id}" mean nothing without trigger_on_event'
        )
    if not is_name(topic, TOPIC_BYTES_MAX):
        raise TypeError(f'trigger_on_event of "{workflow_id}" should be 1 to 512 bytes without control characters')
    if batch_size is not None and not (type(batch_size) is int and 1 <= batch_size <= 1_000):
        raise ValueError(f'batch_size of "{workflow_id}" should be an integer from 1 to 1,000')
    seconds = 0 if batch_timeout_seconds is None else batch_timeout_seconds
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and math.isfinite(seconds)
    if not is_number or not 0 <= seconds <= 86_400:
        raise ValueError(f'batch_timeout_seconds of "{workflow_id}" should be a number from 0 to 86,400')
