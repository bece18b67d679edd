"""What `make test` does with one example is done with the other here: it takes its time."""

from __future__ import annotations

import pytest

from ..support.deployed_examples import (
    DJANGO,
    RUNTIMES,
    Deployed,
    check_streams,
    deploy,
    forget_python,
)

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    return deploy(DJANGO, tmp_path_factory.mktemp("deployed"))


@pytest.mark.parametrize("runtime", RUNTIMES)
async def test_the_example_streams_from_its_zip(
    deployed: Deployed, runtime: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_python(monkeypatch)
    await check_streams(deployed, runtime)
