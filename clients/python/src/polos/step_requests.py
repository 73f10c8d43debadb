"""The steps that the code of one execution asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from ._gen.polos.v1.command_pb2 import Command
from .errors import DuplicateStepKeyError, InvalidStepError, NonDeterminismError, WorkflowCancelledError
from .name import is_text
from .scope import current_scope
from .state.json import byte_length, is_well_formed
from .step_request import (
    Phase,
    ServerWork,
    StepOutcome,
    StepRequest,
    Work,
    as_abandoned,
    is_brought_by_server,
    kind_name,
    reject,
    settle,
)

_KEY_BYTES_MAX = 1_024

_LATE_ASKS_MAX = 100
"""How many steps abandoned code may ask for on its way out before it is left where it waits: it may never stop."""


@dataclass(frozen=True)
class StepRequestsListener:
    """What the table tells its owner."""

    asked: Callable[[], None]
    """The code asked for a step, or for one less."""
    contradicted: Callable[[NonDeterminismError], None]
    """The code asked for something that the record contradicts."""
    abandoned: Callable[[StepRequest], None]
    """The code stopped waiting for a step that is under way."""


class StepRequests:
    """The steps that the code of one execution asked for in this run, in order."""

    def __init__(self, execution_id: str, listener: StepRequestsListener) -> None:
        self._execution_id = execution_id
        self._listener = listener
        self._by_key: dict[str, StepRequest] = {}
        """What the code waits for."""
        self._settled: set[str] = set()
        """Keys whose outcome the code has. Nothing else is kept of those: results belong to the code, and it may drop
        them."""
        self._recorded_kinds: dict[str, int] = {}
        """Kinds of the steps that the record holds, pending ones included, and the code has not asked for yet."""
        self._waiting: list[StepRequest] = []
        self._parked: list[asyncio.Future[Any]] = []
        self._pending_count = 0
        self._pending_on_server = 0
        """How many of the pending steps the server has, so that only it can bring their outcomes."""
        self._is_cancelled = False
        self._late_asks: int | None = None

    def record(self, key: str, kind: int) -> None:
        """Takes note that the record holds a step, so that it is not carried out again."""
        self._recorded_kinds[key] = kind

    def is_recorded(self, key: str) -> bool:
        """Whether the record holds a step that the code has not asked for yet."""
        return key in self._recorded_kinds

    @property
    def pending_count(self) -> int:
        """How many steps the code waits for."""
        return self._pending_count

    @property
    def awaits_only_server(self) -> bool:
        """Whether the code waits for nothing but outcomes that only the server can bring: of children, and of waits."""
        return self._pending_count > 0 and self._pending_count == self._pending_on_server

    def get(self, key: str) -> StepRequest | None:
        """The request of a key, if the code asked for it and does not have its outcome."""
        return self._by_key.get(key)

    async def ask(self, kind: int, key: str, work: Work) -> Any:
        """Asks for a step. Returns its outcome once it is delivered; raises at once for a request that cannot be."""
        if self._late_asks is not None:
            await self._park_or_stop()
        self._assert_possible(kind, key)
        recorded_kind = self._recorded_kinds.get(key)
        if recorded_kind is not None and recorded_kind != kind:
            # Not raised here: the code must not catch it and go on.
            self._listener.contradicted(_kind_mismatch(key, recorded_kind, kind))
            await self._park()
        is_recorded = self._recorded_kinds.pop(key, None) is not None
        command = work.to_command() if isinstance(work, ServerWork) and not is_recorded else None
        phase = Phase.BEGUN if is_recorded else Phase.WAITING
        request = StepRequest(key, kind, work, phase, command, asyncio.get_running_loop().create_future())
        self._by_key[key] = request
        self._pending_count += 1
        if not is_recorded:
            self._waiting.append(request)
        elif is_brought_by_server(kind):
            self._pending_on_server += 1
        self._listener.asked()
        try:
            return await request.future
        except asyncio.CancelledError:
            if self._late_asks is None and request.phase is not Phase.SETTLED:
                self._abandon(request)
            raise

    def take_for_server(self, *, only_answered: bool, is_wanted: Callable[[Command], bool]) -> StepRequest | None:
        """Takes the next step that the server carries out, if it is wanted.

        `only_answered`: whether to look at those only whose outcome is in the server's answer.
        """
        for index, request in enumerate(self._waiting):
            if request.command is None or (only_answered and is_brought_by_server(request.kind)):
                continue
            if not is_wanted(request.command):
                return None
            del self._waiting[index]
            request.phase = Phase.BEGUN
            if is_brought_by_server(request.kind):
                self._pending_on_server += 1
            return request
        return None

    @property
    def has_waiting(self) -> bool:
        """Whether the code waits for steps that are neither recorded nor begun."""
        return bool(self._waiting)

    def take_waiting(self) -> list[StepRequest]:
        """Takes the steps that are to be carried out here. Call once `take_for_server` has none."""
        taken, self._waiting = self._waiting, []
        for request in taken:
            request.phase = Phase.BEGUN
        return taken

    def take_forgotten(self) -> str:
        """Takes the steps that nobody waits for at the end of the handler. Returns their keys, as a text."""
        return ", ".join(f'"{request.key}"' for request in self.take_waiting())

    def as_wanted(self, outcome: StepOutcome) -> StepOutcome:
        """What a step that ran here came to, as it is recorded: not as it ended if the code has abandoned it since."""
        request = self.get(outcome.key)
        return as_abandoned(outcome) if request is not None and request.is_abandoned else outcome

    def deliver(self, request: StepRequest, outcome: StepOutcome) -> None:
        """Gives the code the outcome of a step that it asked for."""
        if not request.is_abandoned:
            self._no_longer_pending(request)
        del self._by_key[request.key]
        self._settled.add(request.key)
        settle(request, outcome)

    def cancel(self) -> None:
        """Raises WorkflowCancelledError for all that the code waits for, and all that it will ask for."""
        self._is_cancelled = True
        self._waiting = []
        for request in self._by_key.values():
            request.phase = Phase.SETTLED
            reject(request, WorkflowCancelledError(self._execution_id))
        self._pending_count = 0
        self._pending_on_server = 0

    def abandon(self) -> None:
        """Stops code whose outcome does not matter any more: asyncio.CancelledError for all that it waits for, and all that
        it will ask for on its way out."""
        if self._late_asks is not None:
            return
        self._late_asks = 0
        for future in [*self._parked, *(request.future for request in self._by_key.values())]:
            future.cancel()
        self._parked, self._waiting = [], []
        self._by_key.clear()

    def _abandon(self, request: StepRequest) -> None:
        """The code stopped waiting for a step. What the server carries out goes on; its outcome finds nobody."""
        request.is_abandoned = True
        if request.phase is Phase.BEGUN:
            self._no_longer_pending(request)
            self._listener.abandoned(request)
            return
        self._pending_count -= 1
        self._waiting.remove(request)
        del self._by_key[request.key]
        self._settled.add(request.key)
        self._listener.asked()

    def _no_longer_pending(self, request: StepRequest) -> None:
        self._pending_count -= 1
        if is_brought_by_server(request.kind):
            self._pending_on_server -= 1

    async def _park_or_stop(self) -> NoReturn:
        self._late_asks = (self._late_asks or 0) + 1
        if self._late_asks <= _LATE_ASKS_MAX:
            raise asyncio.CancelledError
        await self._park()

    async def _park(self) -> NoReturn:
        future: asyncio.Future[NoReturn] = asyncio.get_running_loop().create_future()
        self._parked.append(future)
        await future
        raise asyncio.CancelledError

    def _assert_possible(self, kind: int, key: object) -> None:
        scope = current_scope.get()
        if scope is not None and scope.step is not None:
            within = f'{kind_name(kind)} was called within the function of step "{scope.step.key}"'
            raise InvalidStepError(f"{within}; call it from the handler")
        if not is_text(key, _KEY_BYTES_MAX):
            raise InvalidStepError(f"a step key must be a text of 1 to 1,024 bytes, not {_describe(key)}")
        if self._is_cancelled:
            raise WorkflowCancelledError(self._execution_id)
        if key in self._by_key or key in self._settled:
            raise DuplicateStepKeyError(key)


def _describe(key: object) -> str:
    if not isinstance(key, str):
        return type(key).__name__
    return f"{byte_length(key)} bytes" if is_well_formed(key) else "one with a lone surrogate"


def _kind_mismatch(key: str, recorded: int, got: int) -> NonDeterminismError:
    return NonDeterminismError(
        f'the record of step "{key}" is a {kind_name(recorded)}, but the code asked for a {kind_name(got)}', key
    )
