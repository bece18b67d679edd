"""`adapter dev` as its users run it: a process and its URL."""

from __future__ import annotations

import os
import re
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from .forked_python import python_with_pipe

if TYPE_CHECKING:
    from collections.abc import Iterator


#: What the command imports beside the standard library and the adapter.
IMPORTED = ("anyio._backends._asyncio", "argparse", "h11", "starlette.applications", "uvicorn")


@dataclass
class LocalLambda:
    url: str
    said: list[str]  #: the lines on its terminal so far; all of them when it has ended


@contextmanager
def adapter_dev(*arguments: str, **environ: str) -> Iterator[LocalLambda]:
    """Run ``adapter dev`` on a free port until the block is left."""
    command = [sys.executable, "-m", "adapter", "dev", "--port", "0", *arguments]
    environ = {**os.environ, **environ}
    with python_with_pipe(command, Path.cwd(), environ, IMPORTED) as (process, output):
        lines = TextIOWrapper(BufferedReader(output))
        said: list[str] = []
        while not (url := re.search(r"(?<= at )http://[\d.]+:\d+", "".join(said))):
            line = lines.readline()
            assert line, f"adapter dev ended: {''.join(said)}"
            said.append(line)
        reader = Thread(target=said.extend, args=(lines,))  # so that it never blocks
        reader.start()
        try:
            yield LocalLambda(url[0], said)
        finally:
            process.terminate()
            reader.join()
