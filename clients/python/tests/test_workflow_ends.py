"""How workflows end, and what workers do around them, on a real server."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import pytest

from polos import (
    BatchWorkflowInput,
    HookContext,
    HookResult,
    Polos,
    PolosClient,
    Workflow,
    WorkflowCancelledError,
    WorkflowContext,
    WorkflowFailedError,
    WorkflowTimeoutError,
    hook,
    step_attempt,
    workflow,
)

from .definitions import Counter, Order, unlisted
from .real_server import Server, serving


async def test_what_fails_says_why(client: PolosClient) -> None:
    attempts: list[int] = []

    def broken() -> None:
        attempts.append(step_attempt().attempt)
        raise KeyError("missing") from ValueError("inner")

    @unlisted(id="py.failing", max_retries=0)
    async def failing(ctx: WorkflowContext) -> None:
        await ctx.step.run("broken", broken, max_retries=2, base_delay=0.01)

    @unlisted(id="py.retried", base_delay=0.01)
    async def retried(ctx: WorkflowContext) -> int:
        if ctx.retry_count < 2:
            raise OSError("not yet")
        return ctx.retry_count

    async with serving(client, failing, retried):
        with pytest.raises(WorkflowFailedError) as caught:
            await failing(client)
        assert caught.value.error_type == "StepExecutionError"
        cause = caught.value.cause.cause
        assert cause is not None
        assert (cause.type, cause.message) == ("KeyError", "'missing'")
        assert cause.cause is not None
        assert cause.cause.type == "ValueError"
        assert attempts == [1, 2, 3]
        assert await retried(client) == 2


async def test_a_state_that_does_not_fit_fails_for_good(client: PolosClient) -> None:
    @unlisted(id="py.misfit", state_schema=Counter)
    async def misfit(ctx: WorkflowContext[Counter], how: str) -> None:
        await ctx.step.run("first", lambda: None)
        ctx.state.n = 1
        await ctx.step.run("second", lambda: None)
        if how == "large":
            ctx.state.seen = ["a" * 1_100_000]
        elif how == "wrong":
            ctx.state.n = "many"  # type: ignore[assignment]
        else:
            ctx.state.seen.append(7)  # type: ignore[arg-type]
        await ctx.step.run("third", lambda: None)

    expected = {"large": "StateSizeError", "wrong": "StateValidationError", "within": "StateValidationError"}
    async with serving(client, misfit):
        for how, kind in expected.items():
            execution = misfit(client, how)
            with pytest.raises(WorkflowFailedError) as caught:
                await execution
            assert caught.value.error_type == kind
            assert (await execution.state()).value == {"n": 1, "seen": []}
            assert (await execution.get()).retry_count <= 1


async def test_cancel_reaches_the_code(client: PolosClient) -> None:
    reached: list[str] = []
    entered = asyncio.Event()

    async def endless() -> None:
        entered.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            reached.append("step")
            raise

    @unlisted(id="py.cancelled")
    async def cancelled(ctx: WorkflowContext) -> None:
        try:
            await ctx.step.run("endless", endless)
        except WorkflowCancelledError:
            reached.append("handler")
            raise

    async with serving(client, cancelled):
        execution = cancelled(client)
        await entered.wait()
        assert await execution.cancel()
        with pytest.raises(WorkflowCancelledError):
            await execution
        assert sorted(reached) == ["handler", "step"]
        assert await execution.cancel()  # It may be repeated.


async def test_a_run_timeout_ends_it(client: PolosClient) -> None:
    @unlisted(id="py.slow", run_timeout_seconds=0.2)
    async def slow(ctx: WorkflowContext) -> None:
        await ctx.step.run("sleep", asyncio.sleep, 60)

    async with serving(client, slow):
        with pytest.raises(WorkflowTimeoutError, match="reached its run timeout") as caught:
            await slow(client)
        assert caught.value.timeout_seconds == 0.2


async def test_hooks_run_before_and_after(client: PolosClient) -> None:
    told: list[tuple[str, Any]] = []

    @hook
    async def bigger(ctx: WorkflowContext, hook_context: HookContext) -> HookResult:
        order = hook_context.current_payload
        told.append(("start", order))
        return HookResult.continue_with(modified_payload={"item": "b", "amount": 7})

    def noted(ctx: WorkflowContext, hook_context: HookContext) -> None:
        told.append(("end", hook_context.current_output or hook_context.current_error))

    @workflow(id="py.hooked", on_start=bigger, on_end=[noted], auto_register=False)
    async def hooked(ctx: WorkflowContext, order: Order) -> int:
        if order.item == "a":
            raise ValueError("the hook did not run")
        return order.amount

    async with serving(client, hooked):
        assert await hooked(client, Order(item="a")) == 7
        assert [name for name, _ in told] == ["start", "end"]
        assert told[1][1] == 7


_request: ContextVar[str] = ContextVar("request", default="none")


async def test_context_variables_of_the_worker_do_not_leak_between_executions(client: PolosClient) -> None:
    @unlisted(id="py.contextvars")
    async def contextvars(ctx: WorkflowContext, name: str) -> str:
        _request.set(name)
        return await ctx.step.run("read", _request.get)

    async with serving(client, contextvars):
        names = [f"n{number}" for number in range(10)]
        assert await asyncio.gather(*(contextvars(client, name) for name in names)) == names
        assert _request.get() == "none"


async def test_a_workflow_starts_others_by_steps_only(client: PolosClient) -> None:
    @unlisted(id="py.outside")
    async def outside(ctx: WorkflowContext) -> list[str]:
        refused = []
        for call in (lambda: outside(client), lambda: client.invoke("py.outside"), lambda: client.events.publish("t")):
            try:
                await call()
            except RuntimeError as error:
                refused.append(str(error))
        return refused

    async with serving(client, outside):
        refused = await outside(client)
        assert len(refused) == 3
        assert all("within a workflow" in text for text in refused)


async def test_many_at_once_share_one_worker(client: PolosClient) -> None:
    @unlisted(id="py.many", state_schema=Counter)
    async def many(ctx: WorkflowContext[Counter], n: int) -> int:
        for step in range(5):
            ctx.state.n += await ctx.step.run(f"s{step}", lambda: 1)
        await ctx.step.wait_for("w", seconds=0.05)
        return ctx.state.n + n

    async with serving(client, many, max_concurrent_workflows=20):
        handles = await client.batch_invoke([BatchWorkflowInput(many, n) for n in range(200)])
        assert await asyncio.gather(*(handle.get_result(60) for handle in handles)) == [5 + n for n in range(200)]


async def test_polos_is_a_client_and_a_worker(shared_server: Server) -> None:
    @unlisted(id="py.both")
    async def both(ctx: WorkflowContext, n: int) -> int:
        return n + 1

    async with Polos(api_url=shared_server.url, workflows=[both]) as polos:
        assert polos.get_client() is polos
        assert await both(polos, 1) == 2
        assert await polos.run(both, 2) == 3
        with pytest.raises(RuntimeError, match="started already"):
            await polos.start()
    with pytest.raises(ValueError, match="at least one"):
        async with Polos(api_url=shared_server.url, workflows=[]):
            pass


async def test_annotations_that_make_no_schema_end_the_worker(client: PolosClient) -> None:
    async def handler(ctx: WorkflowContext, payload: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    made: Workflow[Any, Any, Any] = unlisted(id="py.nowhere")(handler)
    with pytest.raises(NameError, match="Nowhere"):
        async with Polos(api_url=client.get_config().api_url, workflows=[made]):
            pass


async def test_what_was_paused_in_the_middle_of_a_step_runs_again_once_its_function_has_ended(tmp_path: Path) -> None:
    # Its lease lasts longer than this test: it goes on since the worker says that it has let go.
    server = Server(tmp_path, "--lease-ms", "600000")
    server.start()
    did: list[str] = []
    entered, may_end = threading.Event(), threading.Event()

    def held() -> None:
        did.append("begins")
        entered.set()
        may_end.wait(60)
        did.append("ends")

    @unlisted(id="py.paused")
    async def paused(ctx: WorkflowContext) -> str:
        await ctx.step.run("first", did.append, "first")
        await ctx.step.run("held", held)
        return "done"

    try:
        async with PolosClient(server.url) as client, serving(client, paused), serving(client, paused):
            execution = await client.invoke(paused)
            await asyncio.to_thread(entered.wait, 60)
            await execution.pause()
            await execution.unpause()
            assert (await execution.get()).status_reason == "lease_release"
            may_end.set()
            assert await asyncio.wait_for(execution.result(), 60) == "done"
        assert did == ["first", "begins", "ends", "begins", "ends"]
    finally:
        may_end.set()
        server.kill()
