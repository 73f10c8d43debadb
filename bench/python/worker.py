"""The worker of the load table in Python: the same workflow as bench/src/workflows.ts. Ends when its standard input does."""

import asyncio
import sys

from polos import PolosClient, Worker, WorkflowContext, WorkflowState, workflow
from typing_extensions import TypedDict


class StepsInput(TypedDict):
    """How many steps to take."""

    steps: int


class Done(WorkflowState):
    """How many were."""

    done: int = 0


async def _same(step: int) -> int:
    return step


@workflow(id="bench_steps", state_schema=Done)
async def bench_steps(ctx: WorkflowContext[Done], payload: StepsInput) -> int:
    """A handler that costs next to nothing: what is measured is Polos."""
    for step in range(payload["steps"]):
        await ctx.step.run(f"step_{step}", _same, step)
        ctx.state.done += 1
    return ctx.state.done


async def _main(api_url: str) -> None:
    client = PolosClient(api_url)
    worker = Worker(client, workflows=[bench_steps], max_concurrent_workflows=256, handle_signals=False)
    running = asyncio.create_task(worker.run())
    await worker.when_running()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await worker.shutdown()
    await running
    await client.close()


asyncio.run(_main(sys.argv[1]))
