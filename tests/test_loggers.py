"""What an app does to logging must not hide its errors."""

from __future__ import annotations

import logging
import logging.config
import subprocess
import sys

import pytest

from adapter.loggers import get_logger

CONFIGURED = {"version": 1, "loggers": {"shop": {"level": "INFO"}}}

APP = """
import logging.config
from adapter import LambdaHandler
from adapter.testing import function_url_event

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        {in_startup}
        await send({{"type": "lifespan.startup.complete"}})
        await receive()
        return
    {in_request}
    raise ConnectionError("no database")

{before}
handler = LambdaHandler(app)
{after}
assert handler(function_url_event(), None)["statusCode"] == 500
"""
CONFIGURE = {
    "dictConfig": f"logging.config.dictConfig({CONFIGURED})",
    "fileConfig": """
import io
logging.config.fileConfig(io.StringIO(
    "[loggers]\\nkeys=root\\n[handlers]\\nkeys=\\n[formatters]\\nkeys=\\n[logger_root]\\nhandlers="
))
""",
}


@pytest.mark.parametrize("place", ["before", "after", "in_startup", "in_request"])
@pytest.mark.parametrize("configure", CONFIGURE)
@pytest.mark.process
def test_an_app_that_configures_logging_and_fails_leaves_its_traceback(
    place: str, configure: str
) -> None:
    places = dict.fromkeys(["before", "after", "in_startup", "in_request"], "")
    indent = " " * (8 if place == "in_startup" else 4 if place == "in_request" else 0)
    places[place] = CONFIGURE[configure].strip().replace("\n", f"\n{indent}")
    program = [sys.executable, "-c", APP.format(**places)]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=40, check=True)
    assert "ConnectionError: no database" in ended.stderr


def test_a_level_and_a_handler_of_the_app_stay_in_force(caplog: pytest.LogCaptureFixture) -> None:
    logger = get_logger("adapter.test")
    caplog.set_level(logging.ERROR, "adapter.test")
    logger.warning("too quiet")
    logger.error("%s is loud enough", "this")
    assert [record.getMessage() for record in caplog.records] == ["this is loud enough"]
    [record] = caplog.records
    assert (record.name, record.funcName) == (
        "adapter.test",
        "test_a_level_and_a_handler_of_the_app_stay_in_force",
    )


def test_a_logger_that_was_disabled_says_that_it_is_enabled() -> None:
    logger = get_logger("adapter.test")
    logging.getLogger("adapter.test").disabled = True
    assert logger.isEnabledFor(logging.ERROR)
