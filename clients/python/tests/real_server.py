"""Real servers and workers for the tests that want them."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from polos.client import PolosClient
from polos.worker import Worker
from polos.workflow import Workflow

_PACKAGE = Path(__file__).resolve().parents[1]
_SOURCE = _PACKAGE / "src"
_SERVER = _PACKAGE.parents[1] / "server" / "bin" / "polos.js"


class Server:
    """A server process on a directory of its own, which can be killed and started again on the same port."""

    def __init__(self, folder: Path, *options: str) -> None:
        """`options`: of `polos server start`."""
        self._folder = folder
        self._options = options
        self._port = 0
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> None:
        """Starts it and waits until it listens."""
        where = ["--port", str(self._port), "--data-dir", str(self._folder)]
        command = ["node", str(_SERVER), "server", "start", *where, *self._options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("polos listening on "), line
        self.url = line.removeprefix("polos listening on ").strip()
        self._port = int(self.url.rsplit(":", 1)[1])

    def kill(self) -> None:
        """Ends it without a warning."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@asynccontextmanager
async def serving(client: PolosClient, *workflows: Workflow[Any, Any, Any], **options: Any) -> AsyncIterator[Worker]:
    """A worker that runs meanwhile."""
    worker = Worker(client, workflows=workflows, handle_signals=False, **options)
    running = asyncio.create_task(worker.run())
    await asyncio.wait({running, asyncio.create_task(worker.when_running())}, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield worker
    finally:
        await worker.shutdown()
        await running


def program(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Starts a Python program of its own, which ends with the test at the latest."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("POLOS_")}
    started = subprocess.Popen(
        [sys.executable, *arguments],
        env={**variables, "PYTHONPATH": str(_SOURCE), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _programs.append(started)
    return started


_programs: list[subprocess.Popen[str]] = []


def end_programs() -> None:
    """Kills what still runs, also after a test that failed."""
    while _programs:
        left = _programs.pop()
        left.kill()
        left.communicate()
