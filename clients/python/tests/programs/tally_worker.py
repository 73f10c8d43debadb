"""A worker whose steps leave a line each in the file that the first argument names: `tally_worker.py FILE`.

Says "running" once the server has accepted it.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

from polos import PolosClient, Worker, WorkflowContext, WorkflowState, workflow

_TALLY = Path(sys.argv[1])


class Counter(WorkflowState):
    done: list[int] = []


def _note(number: int) -> int:
    with _TALLY.open("a") as file:
        file.write(f"{number} {os.getpid()}\n")
    return number * number


@workflow(id="tally", state_schema=Counter)
async def tally(ctx: WorkflowContext[Counter], count: int) -> int:
    total = 0
    for number in range(count):
        total += await ctx.step.run(f"note_{number}", _note, number)
        ctx.state.done.append(number)
        await asyncio.sleep(0.02)
    return total


@workflow(id="hold")
async def hold(ctx: WorkflowContext) -> str:
    return await ctx.step.run("hold", _hold)


def _hold() -> str:
    with _TALLY.open("a") as file:
        file.write("held\n")
    time.sleep(1)
    return "held"


async def main() -> None:
    worker = Worker(PolosClient(), workflows=[tally, hold])
    running = asyncio.create_task(worker.run())
    await worker.when_running()
    print("running", flush=True)
    await running
    print("stopped", flush=True)


asyncio.run(main())
