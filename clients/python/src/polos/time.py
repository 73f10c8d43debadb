"""Times and durations on the wire. In Python durations are seconds, times are aware datetimes in UTC."""

from __future__ import annotations

from datetime import datetime, timezone

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

_NANOS = 1_000_000_000


def duration_seconds(duration: Duration) -> float:
    """A duration of the protocol in seconds, fractions included."""
    return duration.seconds + duration.nanos / _NANOS


def to_duration(seconds: float) -> Duration:
    """Seconds, at least 0, as a duration of the protocol; fractions are kept to the nanosecond."""
    whole, fraction = divmod(seconds, 1)
    nanos = round(fraction * _NANOS)
    # Just below a second the rounding makes a whole one of it.
    return Duration(seconds=int(whole) + nanos // _NANOS, nanos=nanos % _NANOS)


def to_datetime(timestamp: Timestamp) -> datetime:
    """A time of the protocol."""
    return timestamp.ToDatetime(timezone.utc)


def to_timestamp(seconds: float) -> Timestamp:
    """Seconds since 1970 as a time of the protocol, rounded up to the microsecond."""
    micros = -int(-seconds * 1_000_000 // 1)
    return Timestamp(seconds=micros // 1_000_000, nanos=micros % 1_000_000 * 1_000)
