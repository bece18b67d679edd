"""Which functions of the adapter a warm call goes through, in order, and how many.

    python -m benchmarks.trace [CHECKOUT]

CHECKOUT is a folder with an ``adapter`` package, this one if none is given. Printed are the calls
of its functions for a GET to a function URL under the native runtime, the same under AWS's own
runtime, and for one chunk of a longer response. Other code (asyncio, json, the app) is left out.
So are comprehensions, which are calls only before Python 3.12, and constructors of named tuples.
"""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import threading
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

HERE = Path(__file__).parent
MARK = "trace: "
MAX_SECONDS = 60

Call = tuple[int, str, str]
"""How deep it is below other calls of the adapter; the module; the function."""


class Scene(NamedTuple):
    """What is traced: the calls from one call of ``boundary`` to the next."""

    title: str
    runtime: str
    handler: str
    boundary: str  #: a qualified name
    skipped: int  #: calls of ``boundary`` before; until then everything is warm
    chunks: int = 1


SCENES = (
    Scene("GET, native runtime", "adapter", "bare:app", "Worker._on_event", 3),
    Scene(
        "GET, awslambdaric",
        "awslambdaric",
        "bare_handler.handler",
        "_replace_wait.<locals>.wait_next_invocation",
        3,
    ),
    Scene("one chunk, native runtime", "adapter", "bare:app", "HttpCycle.send", 5, 20),
)

COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>")
NAMED_TUPLES = "light_classes.py"  #: has the constructor of each named tuple


class Recorder:
    """Records calls of functions of ``package`` as a profile function of Python."""

    def __init__(self, package: Path, scene: Scene) -> None:
        self._folder = f"{package}{os.sep}"
        self._scene = scene
        self._boundaries = 0
        self._frames: set[FrameType] = set()  # kept, because a coroutine's comes several times
        self._calls: list[Call] = []

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        """Take note of a call. Called by Python."""
        if event != "call" or not self._is_own(frame) or frame in self._frames:
            return
        self._frames.add(frame)
        code = frame.f_code
        if code.co_name in COMPREHENSIONS:
            return
        module = code.co_filename.removeprefix(self._folder)
        if module == NAMED_TUPLES:
            return
        if code.co_qualname == self._scene.boundary:
            self._boundaries += 1
            if self._boundaries == self._scene.skipped + 2:
                os.write(1, f"\n{MARK}{json.dumps(self._calls)}\n".encode())
        if self._boundaries == self._scene.skipped + 1:
            self._calls.append((self._depth(frame), module, code.co_qualname))

    def _is_own(self, frame: FrameType) -> bool:
        return frame.f_code.co_filename.startswith(self._folder)

    def _depth(self, frame: FrameType) -> int:
        depth = 0
        caller = frame.f_back
        while caller is not None:
            depth += self._is_own(caller)
            caller = caller.f_back
        return depth


def trace(checkout: Path, scene: Scene) -> list[Call]:
    """Return the calls of ``scene``, made by a process of its own."""
    from .managed import RuntimeApi  # here, because it imports the adapter of this checkout

    api = RuntimeApi(scene.skipped + 3)
    environ = os.environ | {
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "AWS_EXECUTION_ENV": "AWS_Lambda_python{}.{}".format(*sys.version_info),
        "_HANDLER": scene.handler,
        "LAMBDA_TASK_ROOT": str(HERE),
        "BENCH_CHUNKS": str(scene.chunks),
        "BENCH_TURN_SECONDS": "3600",  # a turn of the event loop depends on the time
        "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent)]),
    }
    command = [
        sys.executable,
        "-P",
        "-m",
        "benchmarks.trace",
        str(checkout),
        str(SCENES.index(scene)),
    ]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        too_long = threading.Timer(MAX_SECONDS, process.kill)  # no event follows the last one
        too_long.daemon = True
        too_long.start()
        for line in process.stdout:
            if line.startswith(MARK):
                process.kill()
                return [
                    (depth, module, name) for depth, module, name in json.loads(line[len(MARK) :])
                ]
    raise SystemExit(f"{scene.title}: {scene.boundary} was not called often enough")


def record(checkout: str, scene: Scene) -> None:
    """Be the process that is traced."""
    sys.path.insert(0, checkout)
    import adapter

    recorder = Recorder(Path(adapter.__file__).parent, scene)
    threading.setprofile(recorder)
    sys.setprofile(recorder)
    arguments = ["run"] if scene.runtime == "adapter" else [scene.handler]
    sys.argv = [scene.runtime, *arguments]
    runpy.run_module(scene.runtime, run_name="__main__", alter_sys=True)


def main() -> None:
    """Print the traces."""
    checkout, *number = sys.argv[1:] or [str(HERE.parent)]
    if number:
        record(checkout, SCENES[int(number[0])])
        return
    for scene in SCENES:
        calls = trace(Path(checkout).resolve(), scene)
        modules = {module for _, module, _ in calls}
        least = min(depth for depth, _, _ in calls)
        print(f"{scene.title}: {len(modules)} modules, {len(calls)} calls\n")
        for (depth, module, name), repeats in groupby(calls):
            times = len(list(repeats))
            print(
                f"  {'  ' * (depth - least)}{module.removesuffix('.py')}: {name}"
                + f" ×{times}" * (times > 1)
            )
        print()


if __name__ == "__main__":
    main()
