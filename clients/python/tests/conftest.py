"""A real server for the tests that want one."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from polos import PolosClient

from .real_server import Server, end_programs


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests that leave it alone."""
    server = Server(tmp_path_factory.mktemp("polos"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server for one test that kills it, or its workers: leases last five seconds."""
    server = Server(tmp_path, "--lease-ms", "5000")
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def client(shared_server: Server) -> AsyncIterator[PolosClient]:
    """A client of the shared server."""
    async with PolosClient(shared_server.url) as client:
        yield client


@pytest.fixture(autouse=True)
def _no_program_outlives_its_test() -> Iterator[None]:
    yield
    end_programs()
