"""What an app does to logging must not hide its errors."""

from __future__ import annotations

import logging
import logging.config
import subprocess
import sys
from typing import TYPE_CHECKING, NoReturn

import pytest

from adapter.invocation.loggers import get_logger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapter.invocation.loggers import SafeLogger

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


class Unwritable:
    """In place of stderr."""

    def write(self, text: str) -> NoReturn:
        raise SystemExit(1)

    def flush(self) -> None:
        pass


def raise_it(*args: object, **kwargs: object) -> NoReturn:
    raise SystemExit("no")


class Opaque:
    def __str__(self) -> str:
        raise KeyboardInterrupt


class TestWhatFails:
    """What an app has put into logging raises; the call returns, and stderr has the line."""

    @pytest.fixture
    def logger(self, caplog: pytest.LogCaptureFixture) -> Iterator[SafeLogger]:
        logger = get_logger("adapter.test")
        caplog.set_level(logging.INFO, "adapter.test")
        yield logger
        for filter_ in list(logger.logger.filters):
            logger.logger.removeFilter(filter_)
        for handler in list(logger.logger.handlers):
            logger.logger.removeHandler(handler)

    def test_of_a_filter_is_said_on_stderr(
        self, logger: SafeLogger, capsys: pytest.CaptureFixture[str]
    ) -> None:
        logger.logger.addFilter(raise_it)
        logger.error("The app failed: %s", "/x", exc_info=ValueError("secret"))
        line = "[ERROR] The app failed: /x (ValueError) (logging raised SystemExit)\n"
        assert capsys.readouterr().err == line

    def test_of_a_handler_is_said_on_stderr(
        self, logger: SafeLogger, capsys: pytest.CaptureFixture[str]
    ) -> None:
        handler = logging.Handler()
        handler.emit = raise_it  # type: ignore[method-assign]
        logger.logger.addHandler(handler)
        logger.warning("Slow")
        assert capsys.readouterr().err == "[WARNING] Slow (logging raised SystemExit)\n"

    def test_of_a_record_factory_is_said_on_stderr(
        self, logger: SafeLogger, capsys: pytest.CaptureFixture[str]
    ) -> None:
        factory = logging.getLogRecordFactory()
        logging.setLogRecordFactory(raise_it)
        try:
            logger.info("Client disconnected")
        finally:
            logging.setLogRecordFactory(factory)
        assert capsys.readouterr().err == (
            "[INFO] Client disconnected (logging raised SystemExit)\n"
        )

    @pytest.mark.parametrize(
        ("message", "args", "shown"),
        [
            ("half of a pair: %s", ("\ud800",), r"half of a pair: \ud800"),
            ("two lines\n%s", ("in one",), r"two lines\nin one"),
            ("%s %s", ("too few",), "<class 'str'>"),
            (Opaque(), (), "<class 'tests.invocation.test_loggers.Opaque'>"),
        ],
        ids=["surrogate", "line feed", "wrong arguments", "str raises"],
    )
    def test_is_one_line_whatever_the_message_is(
        self,
        logger: SafeLogger,
        capsys: pytest.CaptureFixture[str],
        message: object,
        args: tuple[object, ...],
        shown: str,
    ) -> None:
        logger.logger.addFilter(raise_it)
        logger.error(message, *args)
        assert capsys.readouterr().err == f"[ERROR] {shown} (logging raised SystemExit)\n"

    def test_is_lost_where_stderr_fails_too(
        self, logger: SafeLogger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stderr", Unwritable())
        logger.logger.addFilter(raise_it)
        logger.error("no place left")
