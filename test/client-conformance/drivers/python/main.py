"""The driver of the Python SDK: serves workflows that are data, and calls the client, as the runner says.

See ../../README.md for the protocol: one JSON text a line, requests on standard input, answers and reports on standard output.
"""

import asyncio
import json
import sys
from typing import Any

from client_calls import call, forget_clients
from lines import say
from plain import describe_error, describe_value
from step_bodies import release, release_all
from workers import start_worker, stop_worker

# A state of the largest size is one line.
LINE_BYTES_MAX = 64 * 1024 * 1024


async def forget(*, project: str) -> None:
    release_all(project)
    await forget_clients(project)


async def release_step(*, project: str, step: str) -> None:
    release(project, step)


REQUESTS = {
    "startWorker": start_worker,
    "stopWorker": stop_worker,
    "call": call,
    "release": release_step,
    "forget": forget,
}


async def answer(request: dict[str, Any]) -> None:
    number = request.pop("id")
    try:
        value = await REQUESTS[request.pop("do")](**request)
        say({"id": number, "value": describe_value(value)})
    except Exception as error:
        say({"id": number, "error": describe_error(error)})


async def main() -> None:
    reader = asyncio.StreamReader(limit=LINE_BYTES_MAX)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    say({"event": "ready"})
    answers: set[asyncio.Task[None]] = set()
    while line := await reader.readline():
        task = asyncio.create_task(answer(json.loads(line)))
        answers.add(task)
        task.add_done_callback(answers.discard)


asyncio.run(main())
