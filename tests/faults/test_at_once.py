"""Every ending of an app at the same time, in one process that serves 16 invocations at once."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from adapter.samples.url_event import function_url_event
from tests.support.fake_runtime_api import NEXT

from .endings import ENDINGS, expected
from .stage import SLOPPY, WHOLE, Stage, seen

if TYPE_CHECKING:
    from pathlib import Path

    from .stage import Seen

CONCURRENCY = 16


@pytest.mark.parametrize("errors", ["respond", "raise"])
def test_apps_that_end_in_every_way_at_once_have_their_own_outcome_and_spoil_no_other(
    errors: str, tmp_path: Path
) -> None:
    wanted = {f"/ending/{name}": expected(ending, errors) for name, ending in ENDINGS.items()}
    wanted |= {f"/?{number}": WHOLE for number in range(len(ENDINGS))}
    late = {f"/ending/{n}" for n, ending in ENDINGS.items() if ending.error == "DeadlineExceeded"}
    environ = {"AWS_LAMBDA_MAX_CONCURRENCY": str(CONCURRENCY), "ADAPTER_ERRORS": errors}
    stage = Stage(tmp_path, "native", environ)
    with contextlib.closing(stage.platform) as platform:
        asked = [stage.asked() for _ in range(CONCURRENCY)]  # all of them at once
        got: dict[str, Seen] = {}
        todo = [path for pair in zip(*halves(list(wanted)), strict=True) for path in pair]
        while len(got) < len(wanted):
            while asked and todo:
                path = todo.pop()
                event = function_url_event(*path.split("?")[:1])
                asked.pop().event(event, path[1:].replace("/", "."), 1.0 if path in late else 30.0)
            peer, request = stage.hear()
            while peer.chunk(request):
                pass
            if request.call == NEXT:
                asked.append(peer)
                continue
            request_id = request.path.split("/")[-2]
            path = f"/{request_id.replace('.', '/')}"
            assert path not in got, "one outcome each"
            got[path] = seen(request)
            peer.accept()
        assert got == wanted
        while len(asked) < CONCURRENCY:
            asked.append(stage.asked())  # none is lost
        platform.terminate()
        assert platform.exit_code() == 0
        for name, ending in ENDINGS.items():
            [line] = [x for x in platform.output.splitlines() if f"\tending.{name}\t" in x]
            assert ending.log in line, "one line in the log, with the id of the invocation"
        assert not [word for word in SLOPPY if word in platform.output], platform.output


def halves(paths: list[str]) -> tuple[list[str], list[str]]:
    return paths[: len(paths) // 2], paths[len(paths) // 2 :]
