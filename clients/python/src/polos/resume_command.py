"""The resuming of other executions' steps."""

from __future__ import annotations

from typing import Any

from ._gen.polos.v1.command_pb2 import Command, ResumeSent
from .errors import InvalidStepError
from .payload import to_payload


def resume_command(key: str, suspend_execution_id: str, suspend_step_key: str, data: Any) -> Command:
    """Makes the command that resumes a step of another execution.

    Raises InvalidStepError unless execution and step are named; SerializationError, PayloadSizeError for the data.
    """
    named: dict[str, object] = {"suspend_execution_id": suspend_execution_id, "suspend_step_key": suspend_step_key}
    for name, value in named.items():
        if not isinstance(value, str) or value == "":
            raise InvalidStepError(f'step "{key}" needs {name}: the text that names what it is to resume')
    payload = to_payload(data, what=f'the data of step "{key}"')
    return Command(
        resume_sent=ResumeSent(
            step_key=key, execution_id=suspend_execution_id, suspended_step_key=suspend_step_key, data=payload
        )
    )
