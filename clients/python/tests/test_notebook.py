"""In a notebook, whose loop runs before the first cell and after the last one."""

import ast
import asyncio
import signal
import threading
from collections.abc import Coroutine
from typing import Any

from .real_server import Server

CELLS = [
    """
from __future__ import annotations
import asyncio
from pydantic import BaseModel
from polos import Polos, PolosClient, Worker, WorkflowContext, WorkflowState, workflow
""",
    """
class Order(BaseModel):
    item: str

class Seen(WorkflowState):
    items: list[str] = []

@workflow(id="notebook.order", state_schema=Seen)
async def order(ctx: WorkflowContext[Seen], given: Order) -> str:
    ctx.state.items.append(await ctx.step.run("shout", given.item.upper))
    return ctx.state.items[0]
""",
    """
client = PolosClient(url)
worker = Worker(client, workflows=[order])
running = asyncio.create_task(worker.run())
await worker.when_running()
""",
    "first = await order.run(client, Order(item='a'), timeout=20)",
    # A cell that is run again defines the same workflow anew.
    """
@workflow(id="notebook.order", state_schema=Seen)
async def order(ctx: WorkflowContext[Seen], given: Order) -> str:
    return "again " + given.item
await worker.shutdown()
await running
await client.close()
""",
    """
async with Polos(api_url=url, workflows=[order]) as polos:
    second = await order.run(polos, {"item": "b"}, timeout=20)
""",
]


class Kernel:
    """Runs cells one after the other on one loop, as a notebook's kernel does: code with `await` at its top."""

    def __init__(self, url: str) -> None:
        self.names: dict[str, Any] = {"url": url, "__name__": "__main__"}

    async def run(self, cell: str) -> None:
        code = compile(cell, "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        made: Coroutine[Any, Any, None] | None = eval(code, self.names)
        if made is not None:
            await made


def results_of(url: str) -> tuple[Any, Any, list[str]]:
    """Runs the cells on a loop that is kept, and says what came of them and which tasks are left."""
    loop = asyncio.new_event_loop()
    kernel = Kernel(url)
    left: list[str] = []

    async def run_all() -> None:
        for cell in CELLS:
            await asyncio.create_task(kernel.run(cell))
        await asyncio.sleep(0)
        left.extend(str(task) for task in asyncio.all_tasks() - {asyncio.current_task()} if "polos" in str(task))

    loop.run_until_complete(run_all())
    loop.close()
    return kernel.names["first"], kernel.names["second"], left


def test_client_and_worker_start_and_stop_on_a_loop_that_runs(shared_server: Server) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert results_of(shared_server.url) == ("A", "again b", [])
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_they_do_so_on_a_loop_in_another_thread(shared_server: Server) -> None:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(results_of(shared_server.url)))
    thread.start()
    thread.join(60)
    assert found == [("A", "again b", [])]
