"""A client and a worker in one process: `python_hello.py URL`."""

import asyncio
import sys

from pydantic import BaseModel

from polos import Polos, WorkflowContext, WorkflowState, workflow


class Person(BaseModel):
    name: str


class Greetings(WorkflowState):
    count: int = 0


@workflow(id="python.greet", state_schema=Greetings)
async def greet(ctx: WorkflowContext[Greetings], person: Person) -> str:
    greeting = await ctx.step.run("greet", lambda: f"Hello, {person.name}!")
    ctx.state.count += 1
    return greeting


async def main() -> None:
    async with Polos(api_url=sys.argv[1]) as polos:
        execution = greet(polos, Person(name="Ada"))
        print(await execution, (await execution.state()).value["count"])


asyncio.run(main())
