"""A worker whose workflow starts one of a TypeScript worker: `python_family.py`. Says "registered" when the server knows it."""

import asyncio

from pydantic import BaseModel

from polos import PolosClient, StepExecutionError, Worker, WorkflowContext, WorkflowState, workflow


class Guests(BaseModel):
    names: list[str]


class Party(WorkflowState):
    greetings: list[str] = []


@workflow(id="python.party", state_schema=Party)
async def party(ctx: WorkflowContext[Party], guests: Guests) -> list[str]:
    for name in guests.names:
        child = await ctx.step.invoke_and_wait(f"greet_{name}", "greet", {"name": name}, initial_state={"count": 5})
        ctx.state.greetings.append(child["greeting"])
    try:
        await ctx.step.invoke_and_wait("fragile", "fragile")
    except StepExecutionError as error:
        inner = error.cause.cause
        ctx.state.greetings.append(f"{error.cause.type}: {inner.type if inner else ''}")
    return ctx.state.greetings


async def main() -> None:
    worker = Worker(PolosClient(), workflows=[party])
    working = asyncio.create_task(worker.run())
    await worker.when_running()
    print("registered", flush=True)
    await working


asyncio.run(main())
