"""Runs the program in the file that the first argument names as a notebook runs a cell: `await` may stand at the top."""

import ast
import asyncio
import inspect
import sys
from pathlib import Path
from typing import Any


async def main(path: Path) -> None:
    code = compile(path.read_text(), str(path), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    names: dict[str, Any] = {"__name__": "__main__"}
    running = eval(code, names)
    if inspect.isawaitable(running):
        await running


asyncio.run(main(Path(sys.argv[1])))
