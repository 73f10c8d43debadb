"""Ids of executions."""

from __future__ import annotations

import os
import time
import uuid


def create_execution_id() -> str:
    """Makes an execution id: a UUID of version 7 (RFC 9562, section 5.7).

    Its first 48 bits are the time, so that ids of later executions sort later.
    """
    value = int.from_bytes(int(time.time() * 1_000).to_bytes(6, "big") + os.urandom(10), "big")
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return str(uuid.UUID(int=value))
