"""`adapter dev` as its users run it: a process and its URL."""

from __future__ import annotations

import os
import re
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from subprocess import PIPE, STDOUT, Popen
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class LocalLambda:
    url: str
    said: list[str]  #: the lines on its terminal so far; all of them when it has ended


@contextmanager
def adapter_dev(*arguments: str, **environ: str) -> Iterator[LocalLambda]:
    """Run ``adapter dev`` on a free port until the block is left."""
    command = [sys.executable, "-m", "adapter", "dev", "--port", "0", *arguments]
    with Popen(
        command, stdout=PIPE, stderr=STDOUT, text=True, env={**os.environ, **environ}
    ) as process:
        assert process.stdout is not None
        said: list[str] = []
        while not (url := re.search(r"(?<= at )http://[\d.]+:\d+", "".join(said))):
            line = process.stdout.readline()
            assert line, f"adapter dev ended: {''.join(said)}"
            said.append(line)
        reader = Thread(target=said.extend, args=(process.stdout,))  # so that it never blocks
        reader.start()
        try:
            yield LocalLambda(url[0], said)
        finally:
            process.terminate()
            reader.join()
