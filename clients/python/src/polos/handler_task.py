"""A handler's code at work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from typing import Any, NamedTuple

from ._gen.polos.v1.payload_pb2 import Payload
from .loop_view import view_of
from .scope import Scope, current_scope


class Ending(NamedTuple):
    """How a handler ended."""

    result: Payload | None = None
    error: BaseException | None = None


class HandlerTask:
    """Runs the code of a handler in a scope of its own, and keeps how it ended."""

    def __init__(self, scope: Scope, code: Coroutine[Any, Any, Payload | None], ring: Callable[[], None]) -> None:
        """Begins it. `ring` is called when it has ended."""
        self.ending: Ending | None = None
        self._ring = ring
        view_of(asyncio.get_running_loop())  # It learns of the code from its first callback on.

        def start() -> asyncio.Task[None]:
            current_scope.set(scope)
            return asyncio.get_running_loop().create_task(self._run(code))

        self._task = copy_context().run(start)

    def cancel(self) -> None:
        """Stops the code where it waits."""
        self._task.cancel()

    async def _run(self, code: Coroutine[Any, Any, Payload | None]) -> None:
        try:
            self.ending = Ending(result=await code)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # asyncio.CancelledError, too: what the code itself cancelled has failed.
            self.ending = Ending(error=error)
        self._ring()
