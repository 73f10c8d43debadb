"""Activations that wait for the server in memory."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

_KEPT_MAX = 1_000
"""Activations kept in memory while they wait. One that is let go costs a replay, nothing else."""

_STEPS_MAX = 250_000
"""Steps that all of them have seen. The one that came last is kept whatever it has seen."""


class Suspended(Protocol):
    """What is needed of an activation to keep it."""

    @property
    def execution_id(self) -> str: ...
    @property
    def steps_seen(self) -> int: ...
    def drop(self) -> None: ...


SuspendedT = TypeVar("SuspendedT", bound=Suspended)


class SuspendedActivations(Generic[SuspendedT]):
    """Activations that wait for the server, the longest-waiting let go first."""

    def __init__(self) -> None:
        """Keeps none."""
        self._by_execution: dict[str, SuspendedT] = {}
        self._steps = 0

    def put(self, activation: SuspendedT) -> None:
        """Keeps an activation."""
        self.take(activation.execution_id)
        self._by_execution[activation.execution_id] = activation
        self._steps += activation.steps_seen
        while len(self._by_execution) > 1 and (len(self._by_execution) > _KEPT_MAX or self._steps > _STEPS_MAX):
            oldest = next(iter(self._by_execution.values()))
            self.take(oldest.execution_id)
            oldest.drop()

    def take(self, execution_id: str) -> SuspendedT | None:
        """Takes an execution's activation out, if it was kept."""
        activation = self._by_execution.pop(execution_id, None)
        if activation is not None:
            self._steps -= activation.steps_seen
        return activation

    def clear(self) -> None:
        """Lets all go."""
        for activation in self._by_execution.values():
            activation.drop()
        self._by_execution.clear()
        self._steps = 0
