"""Waits for a time, and to be resumed."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Any

from google.protobuf.duration_pb2 import Duration

from ._gen.polos.v1.command_pb2 import Command, ResumeAwaited, TimerAwaited
from .errors import InvalidStepError
from .payload import to_payload
from .time import to_duration, to_timestamp

_WAIT_SECONDS_MAX = 3_660 * 86_400
"""The longest wait that the server takes."""

_UNITS = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400, "weeks": 604_800}


def wait_for_command(key: str, duration: dict[str, float]) -> Command:
    """Makes the command that begins a wait for a length of time.

    `duration`: amounts of seconds, minutes, hours, days and weeks. Raises InvalidStepError unless their sum is above 0 and
    at most 3,660 days.
    """
    seconds = sum(_number(key, unit, amount) * _UNITS[unit] for unit, amount in duration.items())
    _assert_length(f'the wait of step "{key}"', seconds)
    return Command(timer_awaited=TimerAwaited(step_key=key, delay=to_duration(seconds)))


def wait_until_command(key: str, time: datetime, now: float) -> Command:
    """Makes the command that begins a wait for a point in time.

    - `time`: without a time zone it is in UTC.
    - `now`: the worker's clock, in seconds since 1970.

    Raises InvalidStepError unless it is a time from now on and at most 3,660 days away.
    """
    if not isinstance(time, datetime):
        raise InvalidStepError(f'step "{key}" can wait until a datetime, not until {time!r:.80}')
    aware = time if time.tzinfo is not None else time.replace(tzinfo=timezone.utc)
    seconds = aware.timestamp()
    if seconds < now:
        raise InvalidStepError(f'step "{key}" cannot wait until {aware.isoformat()}: it is in the past')
    if seconds - now > _WAIT_SECONDS_MAX:
        raise InvalidStepError(f'step "{key}" cannot wait until {aware.isoformat()}: it is over 3,660 days away')
    return Command(timer_awaited=TimerAwaited(step_key=key, fire_time=to_timestamp(seconds)))


def suspend_command(key: str, data: Any, timeout: float | None) -> Command:
    """Makes the command that begins a wait to be resumed.

    Raises InvalidStepError for a timeout that is none; SerializationError, PayloadSizeError for the data.
    """
    payload = to_payload(data, what=f'the data of step "{key}"')
    return Command(resume_awaited=ResumeAwaited(step_key=key, data=payload, timeout=to_timeout(key, timeout)))


def to_timeout(key: str, timeout: float | None) -> Duration | None:
    """What ends a wait after some seconds. Raises InvalidStepError for a timeout that is none."""
    if timeout is None:
        return None
    seconds = _number(key, "timeout", timeout)
    _assert_length(f'the timeout of step "{key}"', seconds)
    return to_duration(seconds)


def _assert_length(what: str, seconds: float) -> None:
    if 0 < seconds <= _WAIT_SECONDS_MAX:
        return
    wanted = f"at most {_WAIT_SECONDS_MAX} s (3,660 days)" if seconds > 0 else "positive"
    raise InvalidStepError(f"{what} must be {wanted}, not {seconds:g} s")


def _number(key: str, name: str, value: float) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or math.isnan(value):
        raise InvalidStepError(f'"{name}" of step "{key}" must be a number, not {value!r:.80}')
    return value
