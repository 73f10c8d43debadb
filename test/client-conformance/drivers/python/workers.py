import asyncio
import logging
import os
from typing import Any

from definitions import to_workflows
from lines import say
from polos import PolosClient, Worker, create_logger

_workers: dict[tuple[str, str], tuple[Worker, asyncio.Task[None]]] = {}


async def start_worker(
    *,
    url: str,
    project: str,
    worker: str,
    workflows: list[dict[str, Any]],
    unattended: bool = False,
    handlesSignals: bool = False,  # noqa: N803
    concurrency: int | None = None,
    apiKey: str | None = None,  # noqa: N803
) -> list[str]:
    """Starts a worker; answers once the server has accepted it, unless `unattended` says not to wait for that: with what the
    worker warned of until then."""
    warnings: list[str] = []
    client = PolosClient(url, apiKey, project)
    made = Worker(
        client,
        workflows=to_workflows(workflows, project, worker),
        handle_signals=handlesSignals,
        max_concurrent_workflows=concurrency,
        logger=_logger_of(f"{project}.{worker}", warnings),
    )
    running = asyncio.create_task(_run(made, client, ends_process=handlesSignals))
    _workers[project, worker] = (made, running)
    if unattended:
        return warnings
    accepted = asyncio.create_task(made.when_running())
    await asyncio.wait({running, accepted}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        accepted.cancel()
        await running
    return warnings


async def stop_worker(*, project: str, worker: str) -> None:
    """Stops a worker gracefully."""
    found = _workers.pop((project, worker), None)
    if found is None:
        return
    made, running = found
    await made.shutdown()
    await asyncio.wait({running})


def _logger_of(name: str, warnings: list[str]) -> logging.Logger:
    """A worker's logger, which keeps warnings too."""
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: warnings.append(record.getMessage())  # type: ignore[method-assign]
    parent = create_logger()
    logger = parent.getChild(name)
    logger.propagate = parent.isEnabledFor(logging.WARNING)
    logger.setLevel(min(parent.level, logging.WARNING))
    logger.addHandler(handler)
    return logger


async def _run(worker: Worker, client: PolosClient, *, ends_process: bool) -> None:
    try:
        await worker.run()
    finally:
        await client.close()
    if ends_process:
        say({"event": "stopped"})
        os._exit(0)
