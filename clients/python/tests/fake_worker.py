"""A worker's side of a fake execution."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from polos.activation import Activation
from polos.activation_options import ActivationEnd, ActivationOptions
from polos.testing.fake_execution import FakeExecution
from polos.workflow import workflow

Handler = Callable[..., Any]

SILENT = logging.getLogger("polos.tests.silent")
SILENT.setLevel(logging.CRITICAL + 1)


def activate(
    execution: FakeExecution,
    handler: Handler,
    *,
    is_kept: Callable[[], bool] = lambda: True,
    logger: logging.Logger = SILENT,
    lease_ms: float = 1_000,
    **config: Any,
) -> Activation:
    """A worker's activation of a fake execution, with a grace of 50 ms."""
    assignment = execution.assign()
    options = ActivationOptions(
        workflow=workflow(id="fake", auto_register=False, **config)(handler),
        assignment=assignment,
        steps=list(assignment.steps),
        port=execution,
        logger=logger,
        lease_ms=lease_ms,
        grace=0.05,
        is_kept=is_kept,
    )
    return Activation(options)


async def run_on(execution: FakeExecution, handler: Handler, **config: Any) -> ActivationEnd:
    """Runs a handler on a fake execution, once, to the end of the activation."""
    return await activate(execution, handler, **config).run()


def commands_of(execution: FakeExecution) -> list[list[str | None]]:
    """The commands of each commit, by name."""
    return [[command.WhichOneof("command") for command in commit.commands] for commit in execution.commits]


async def until(condition: Callable[[], bool]) -> None:
    """Returns once the condition holds; looks once a turn of the event loop."""
    while not condition():
        await asyncio.sleep(0)
