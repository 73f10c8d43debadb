"""Workers and servers as processes that are killed."""

import asyncio
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from polos import Polos, PolosClient, workflow

from .real_server import Server, program

_TALLY_WORKER = str(Path(__file__).parent / "programs" / "tally_worker.py")


def start_worker(server: Server, tally: Path) -> "subprocess.Popen[str]":
    worker = program(_TALLY_WORKER, str(tally), POLOS_API_URL=server.url)
    assert worker.stdout is not None
    line = worker.stdout.readline()
    assert line == "running\n", worker.communicate()
    return worker


async def until(condition: Callable[[], bool]) -> None:
    end = asyncio.get_running_loop().time() + 30
    while not condition():
        assert asyncio.get_running_loop().time() < end
        await asyncio.sleep(0.01)


def lines_of(tally: Path) -> list[str]:
    return tally.read_text().splitlines() if tally.exists() else []


def assert_each_ran_once(tally: Path) -> None:
    """But for the one that was under way when something died, whose lease may have run out before it was acknowledged."""
    numbers = [line.split()[0] for line in lines_of(tally)]
    assert len(numbers) - len(set(numbers)) <= 1
    assert sorted(set(numbers), key=int) == [str(number) for number in range(30)]


async def test_no_acknowledged_step_runs_again_after_a_worker_was_killed(own_server: Server, tmp_path: Path) -> None:
    tally = tmp_path / "tally"
    first = start_worker(own_server, tally)
    async with PolosClient(own_server.url) as client:
        handle = await client.invoke("tally", 30)
        await until(lambda: len(lines_of(tally)) >= 5)
        first.kill()
        second = start_worker(own_server, tally)
        assert await handle.get_result(60) == sum(number * number for number in range(30))
        state = await handle.state()
        assert state.value == {"done": list(range(30))}
    second.terminate()
    assert second.wait(60) == 0
    assert_each_ran_once(tally)


async def test_a_worker_goes_on_when_the_server_was_killed(own_server: Server, tmp_path: Path) -> None:
    tally = tmp_path / "tally"
    worker = start_worker(own_server, tally)
    async with PolosClient(own_server.url) as client:
        handle = await client.invoke("tally", 30)
        await until(lambda: len(lines_of(tally)) >= 5)
        waiting = asyncio.create_task(handle.get_result(60))
        own_server.kill()
        await asyncio.to_thread(own_server.start)
        assert await waiting == sum(number * number for number in range(30))
    assert_each_ran_once(tally)
    worker.terminate()
    assert worker.wait(60) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_what_runs_end(own_server: Server, tmp_path: Path, number: signal.Signals) -> None:
    tally = tmp_path / "tally"
    worker = start_worker(own_server, tally)
    async with PolosClient(own_server.url) as client:
        handle = await client.invoke("hold")
        await until(lambda: lines_of(tally) == ["held"])
        worker.send_signal(number)
        assert await handle.get_result(60) == "held"
    assert worker.wait(60) == 0
    assert "stopped" in worker.communicate()[0]
    assert lines_of(tally) == ["held"]


async def test_a_second_signal_ends_it_at_once(own_server: Server, tmp_path: Path) -> None:
    tally = tmp_path / "tally"
    worker = start_worker(own_server, tally)
    async with PolosClient(own_server.url) as client:
        await client.invoke("hold")
        await until(lambda: lines_of(tally) == ["held"])
        worker.send_signal(signal.SIGTERM)
        await asyncio.sleep(0.2)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == -signal.SIGTERM


async def test_serve_ends_with_a_signal(own_server: Server) -> None:
    @workflow(id="served", auto_register=False)
    async def served(ctx: object) -> int:
        return 1

    polos = Polos(api_url=own_server.url, workflows=[served])
    serving = asyncio.create_task(polos.serve())
    assert await served(polos) == 1
    signal.raise_signal(signal.SIGTERM)
    await asyncio.wait_for(serving, 60)
    await polos.close()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
