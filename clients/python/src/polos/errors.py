"""The errors of this SDK. Those that a server answers are in `api_errors`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from .issue import Issue


class PolosError(Exception):
    """What every error of this SDK is an instance of."""

    retryable: bool = False
    """Whether running the same thing again may help. A handler that raises an error with False here fails its execution
    for good; other errors, also those of other libraries, are retried by the workflow's retry policy."""

    def __reduce__(self) -> Any:
        return _restored, (type(self), self.args, self.__dict__, self.__cause__)


class RemoteError(Exception):
    """An error that was raised elsewhere: in another process, or in an earlier run that is being replayed. It keeps the
    type's name, the message and the chain of causes (`__cause__`), not the class."""

    def __init__(
        self, type: str, message: str, *, cause: RemoteError | None = None, details: Any = None, stack: str = ""
    ) -> None:
        super().__init__(message)
        self.type = type
        """The error's type as its language names it, for example "ValueError"."""
        self.message = message
        self.details = details
        """Data that the type defines, or None."""
        self.stack = stack
        """The stack of the language that raised it; empty if it is not known."""
        self.__cause__ = cause

    @property
    def cause(self) -> RemoteError | None:
        """The error behind this one."""
        cause = self.__cause__
        return cause if isinstance(cause, RemoteError) else None

    def __repr__(self) -> str:
        return f"RemoteError({self.type!r}, {self.message!r})"

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type

    def __reduce__(self) -> Any:
        return _restored, (type(self), self.args, self.__dict__, self.__cause__)


class StepExecutionError(PolosError):
    """A step failed for good: its function raised on every attempt, or its child execution did not complete. The same
    error comes live and on replay. `cause` (and `__cause__`) is what the function or the child raised."""

    def __init__(self, step_key: str, attempts: int, cause: RemoteError) -> None:
        tries = f" after {attempts} attempts" if attempts > 1 else ""
        super().__init__(f'step "{step_key}" failed{tries}: {cause.message}')
        self.step_key = step_key
        """The step's key."""
        self.attempts = attempts
        """How often its function was called; 0 if it has none: a child execution or a wait."""
        self.cause = cause
        """What the function or the child raised."""
        self.__cause__ = cause


class StateConflictError(StepExecutionError):
    """A step's function changed a place of the state that another branch changed while it ran. Neither change is lost
    silently: the step's is refused. Change the state after the `await` of the step instead, where no other code runs in
    between."""

    def __init__(self, step_key: str, attempts: int, cause: RemoteError, path: str) -> None:
        super().__init__(step_key, attempts, cause)
        self.path = path
        """The place, as a JSON Pointer."""


class WaitTimeoutError(StepExecutionError):
    """Nobody resumed a `step.suspend`, or no event came for a `step.wait_for_event`, within its `timeout`. The same error
    comes live and on replay. `cause` is how the server put it; `attempts` is 0."""

    def __init__(self, step_key: str, cause: RemoteError) -> None:
        super().__init__(step_key, 0, cause)


class BatchSizeError(StepExecutionError):
    """The results of a `step.batch_invoke_and_wait` take more than 2,097,152 bytes of JSON together. All children are
    final, and each has its result: read it with `client.get_execution`, return less from each, or split the batch. The
    same error comes live and on replay. `cause` is how the server put it; `attempts` is 0."""

    def __init__(self, step_key: str, cause: RemoteError) -> None:
        super().__init__(step_key, 0, cause)


class StepTimeoutError(PolosError, TimeoutError):
    """One attempt of a step ran longer than the step's `timeout`, or gave no heartbeat for its `heartbeat_timeout`: the
    message says which. Counts as a failed attempt."""

    retryable = True

    def __init__(self, step_key: str, limit: float, excess: str = "took longer than") -> None:
        """`excess`: what the attempt did for longer than `limit` seconds."""
        super().__init__(f'an attempt of step "{step_key}" {excess} {limit:g} s')


class HookExecutionError(PolosError):
    """A hook ended the execution: it returned `HookResult.fail(message)`, raised on every attempt (`__cause__` is the
    StepExecutionError), or gave a payload or output that does not fit (`__cause__` says where). What ends the execution is
    not retried; a caller finds it as the cause of the WorkflowFailedError, with `details` of `{hookName, phase}`."""

    def __init__(self, message: str, hook_name: str, phase: Literal["on_start", "on_end"]) -> None:
        super().__init__(message)
        self.hook_name = hook_name
        """The hook's name."""
        self.phase = phase
        """When it ran."""


class DuplicateStepKeyError(PolosError):
    """One run asked for the same step key twice. Give each step its own key, for example with the loop's index."""

    def __init__(self, step_key: str) -> None:
        super().__init__(f'the step key "{step_key}" is used twice in one run; each step needs a key of its own')
        self.step_key = step_key
        """The key."""


class InvalidStepError(PolosError):
    """A step was asked for in a way that can never work: a key that is empty, a step within a step's function, a wait for
    a time in the past. Nothing is recorded."""


class NonDeterminismError(PolosError):
    """The code asked for other steps than the record of the execution holds, or came to another state. The handler was
    changed while the execution was under way, or it depends on something outside of steps."""

    def __init__(self, message: str, step_key: str | None = None) -> None:
        super().__init__(message)
        self.step_key = step_key
        """The step where code and record first differ; None if the state does."""


class _ValidationError(PolosError, ValueError):
    """Base of those with issues."""

    def __init__(self, message: str, issues: Sequence[Issue]) -> None:
        super().__init__(message)
        self.issues = tuple(issues)
        """The places that do not fit, at most 20."""


class StateValidationError(_ValidationError):
    """The state does not fit its schema, or is nothing that JSON can hold. Also a ValueError."""


class StateMigrationError(PolosError):
    """The recorded state cannot be brought to the version of the workflow's code: a migration raised, or its result does not
    fit. `__cause__` says why. The execution is not failed but paused (`state_misfit`), its state as it was, until other code
    or a repair lets it go on."""

    def __init__(self, version: int, message: str) -> None:
        super().__init__(message)
        self.version = version
        """The version that it could not be brought to."""


class PayloadValidationError(_ValidationError):
    """The payload does not fit what the workflow's handler takes. Also a ValueError."""


class ResultValidationError(_ValidationError):
    """What a handler or a step's function returned does not fit what it says that it returns. Also a ValueError."""


class _SizeError(PolosError, ValueError):
    def __init__(self, what: str, size: int, max_size: int, advice: str | None = None) -> None:
        end = "" if advice is None else f"; {advice}"
        super().__init__(f"{what} is {size} bytes of JSON, more than the {max_size} that are allowed{end}")
        self.size = size
        """Its size in bytes."""
        self.max_size = max_size
        """The most that is allowed, in bytes."""


class StateSizeError(_SizeError):
    """The state is larger than it may be: 1,048,576 bytes of JSON text in UTF-8. Also a ValueError."""

    def __init__(self, size: int, max_size: int) -> None:
        super().__init__("the state", size, max_size)


class PayloadSizeError(_SizeError):
    """A payload or a result is larger than it may be: 2,097,152 bytes of JSON text in UTF-8 unless the server says else.
    Or the items of a batch together are more than one message holds: 3,080,192 bytes. Also a ValueError."""


class SerializationError(PolosError, ValueError):
    """JSON cannot hold a payload or a result without altering it: a set, NaN, an object of a class and the like. Also a
    ValueError."""

    def __init__(self, message: str, path: str) -> None:
        super().__init__(message)
        self.path = path
        """Where, as a JSON Pointer; empty for the value as a whole."""


class WorkflowFailedError(PolosError):
    """An execution ended as FAILED. `cause` (and `__cause__`) is what its handler raised."""

    def __init__(self, execution_id: str, workflow_id: str, cause: RemoteError) -> None:
        super().__init__(f'execution {execution_id} of "{workflow_id}" failed: {cause.type}: {cause.message}')
        self.execution_id = execution_id
        """The execution."""
        self.workflow_id = workflow_id
        """Its workflow."""
        self.error_type = cause.type
        """The type of what the handler raised, for example "StepExecutionError"."""
        self.cause = cause
        """What the handler raised."""
        self.__cause__ = cause


class WorkflowCancelledError(PolosError):
    """An execution was cancelled. In a handler: its own execution, and nothing that it does from now on is recorded."""

    def __init__(self, execution_id: str) -> None:
        super().__init__(f"execution {execution_id} was cancelled")
        self.execution_id = execution_id
        """The execution."""


class WorkflowTimeoutError(PolosError, TimeoutError):
    """An execution took too long: it reached its run timeout (then it is over), or the caller stopped waiting (then it
    goes on). Also a TimeoutError."""

    def __init__(self, execution_id: str, message: str, timeout_seconds: float | None = None) -> None:
        super().__init__(message)
        self.execution_id = execution_id
        """The execution."""
        self.timeout_seconds = timeout_seconds
        """The time it had, in seconds; None if the server does not say."""


class WorkflowNotFoundError(PolosError):
    """A worker was given an execution of a workflow that it does not have."""

    def __init__(self, workflow_id: str) -> None:
        super().__init__(f'this process defines no workflow "{workflow_id}"')


def _restored(kind: type[Exception], args: Any, attributes: dict[str, Any], cause: BaseException | None) -> Exception:
    """An error that was pickled, for example to come from another process. The classes' own arguments are not its `args`."""
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(attributes)
    error.__cause__ = cause
    return error
