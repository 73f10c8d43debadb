"""The README's program."""

import re
from pathlib import Path

from .real_server import Server, program

_README = Path(__file__).parents[1] / "README.md"


def test_the_program_runs_as_it_stands_there(shared_server: Server, tmp_path: Path) -> None:
    block = re.search(r"```python\n(.*?)```", _README.read_text(), re.DOTALL)
    assert block is not None
    path = tmp_path / "program.py"
    path.write_text(block[1])
    run = program("-W", "error", str(path), POLOS_API_URL=shared_server.url, POLOS_LOG_LEVEL="silent")
    output, errors = run.communicate(timeout=60)
    assert (run.returncode, errors) == (0, "")
    assert output.splitlines() == [
        "workflow_queued",
        "workflow_start",
        "step_finish",
        "step_finish",
        "workflow_finish",
        "2 {'charged': 2}",
    ]
