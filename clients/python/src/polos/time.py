"""Times and durations on the wire. In Python durations are seconds, times are aware datetimes in UTC."""

from __future__ import annotations

from datetime import datetime, timezone

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

_NANOS = 1_000_000_000

_SECONDS_MAX = 2**53
"""What every language can put into a duration: more than any server takes."""


def duration_seconds(duration: Duration) -> float:
    """A duration of the protocol in seconds, fractions included."""
    return duration.seconds + duration.nanos / _NANOS


def to_duration(seconds: float) -> Duration:
    """Seconds as a duration of the protocol; fractions are kept to the nanosecond."""
    whole, fraction = divmod(abs(seconds), 1)
    nanos = round(fraction * _NANOS)
    # Both members have the sign. Just below a second the rounding makes a whole one of it.
    sign = -1 if seconds < 0 else 1
    return Duration(seconds=sign * (int(whole) + nanos // _NANOS), nanos=sign * (nanos % _NANOS))


def to_optional_duration(name: str, seconds: float | None) -> Duration | None:
    """Seconds that may be left out. Which of them make sense is the server's to say.

    `name`: what they are called, for errors.

    Raises TypeError for what is no number, ValueError for one that no duration can hold.
    """
    if seconds is None:
        return None
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"{name} must be a number of seconds, not {seconds!r:.80}")
    if not -_SECONDS_MAX <= seconds <= _SECONDS_MAX:
        raise ValueError(f"{name} must be a finite number of seconds, not {seconds!r:.80}")
    return to_duration(seconds)


def to_datetime(timestamp: Timestamp) -> datetime:
    """A time of the protocol."""
    return timestamp.ToDatetime(timezone.utc)


def to_timestamp(seconds: float) -> Timestamp:
    """Seconds since 1970 as a time of the protocol, rounded up to the microsecond."""
    micros = -int(-seconds * 1_000_000 // 1)
    return Timestamp(seconds=micros // 1_000_000, nanos=micros % 1_000_000 * 1_000)
