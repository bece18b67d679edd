from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from adapter.errors import ConfigurationError
from adapter.options import deadline_margin, resolve, resolve_runtime, runtime_variables
from adapter.options.__main__ import default_of, markdown
from adapter.options.table import OPTIONS, Option, Options, RuntimeOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

MILLISECONDS = "it must be a number of milliseconds, or 0."
OWN_PATH = "it must be a path like '/lambda-events', or ''."
HANDLER_CLASS = (
    "each must be a class with infer(event, context, config), scope, body and a __call__ that"
    " takes the response, as for Mangum."
)
DOCS = Path(__file__).parents[2] / "docs" / "options.md"


def options(arguments: Mapping[str, Any], **environ: str) -> Options:
    return resolve(arguments, environ)[0]


def warnings(**environ: str) -> list[str]:
    return resolve({}, environ)[1]


def on_event(event: object, context: object) -> None:
    """Do nothing, for an event that is not HTTP."""


class Letters:
    """A class with the interface of a custom handler, as far as it is checked."""

    @classmethod
    def infer(cls, event: object, context: object, config: object) -> bool:
        return True


class TestValues:
    def test_are_the_defaults_where_nobody_says_anything(self) -> None:
        assert options({}) == Options(
            invoke_mode="auto",
            lifespan="auto",
            base_path="",
            on_event=None,
            event_path="",
            custom_handlers=(),
            errors="respond",
            trusted_host_header="",
            trusted_front_end=None,
            authorization_source="",
            max_stream_seconds=0.0,
            deadline_margin=0.25,
            pad_empty=False,
            metrics="off",
            access_log=False,
        )

    @pytest.mark.parametrize(
        ("name", "value", "expected"),
        [
            ("invoke_mode", "auto", "auto"),
            ("invoke_mode", "response_stream", "response_stream"),
            ("invoke_mode", "buffered", "buffered"),
            ("lifespan", "on", "on"),
            ("lifespan", "off", "off"),
            ("base_path", "", ""),
            ("base_path", None, ""),
            ("base_path", "/", ""),
            ("base_path", "/api", "/api"),
            ("base_path", "/api/v1/", "/api/v1"),
            ("on_event", None, None),
            ("on_event", on_event, on_event),
            ("event_path", "", ""),
            ("event_path", "/events/", "/events/"),
            ("custom_handlers", None, ()),
            ("custom_handlers", [Letters], (Letters,)),
            ("errors", "raise", "raise"),
            ("authorization_source", "X-Token", "x-token"),
            ("max_stream_seconds", 20, 20.0),
        ],
    )
    def test_can_be_arguments(self, name: str, value: object, expected: object) -> None:
        assert getattr(options({name: value}), name) == expected

    @pytest.mark.parametrize(
        ("variable", "value", "name", "expected"),
        [
            ("ADAPTER_INVOKE_MODE", "buffered", "invoke_mode", "buffered"),
            ("ADAPTER_LIFESPAN", "off", "lifespan", "off"),
            ("ADAPTER_BASE_PATH", "/api/", "base_path", "/api"),
            ("ADAPTER_EVENT_PATH", "/events", "event_path", "/events"),
            ("ADAPTER_ERRORS", "raise", "errors", "raise"),
            ("ADAPTER_DEADLINE_MARGIN", "1500", "deadline_margin", 1.5),
            ("ADAPTER_DEADLINE_MARGIN", "0", "deadline_margin", 0.0),
            ("ADAPTER_PAD_EMPTY", "on", "pad_empty", True),
            ("ADAPTER_PAD_EMPTY", "off", "pad_empty", False),
            ("ADAPTER_AUTHORIZATION_SOURCE", "x-token", "authorization_source", "x-token"),
            ("ADAPTER_MAX_STREAM_SECONDS", "1.5", "max_stream_seconds", 1.5),
            ("ADAPTER_ACCESS_LOG", "on", "access_log", True),
        ],
    )
    def test_can_be_variables(self, variable: str, value: str, name: str, expected: object) -> None:
        assert getattr(options({}, **{variable: value}), name) == expected

    def test_of_the_environment_win_so_that_a_deployment_changes_without_code(self) -> None:
        arguments = {"invoke_mode": "response_stream", "errors": "raise"}
        resolved = options(arguments, ADAPTER_INVOKE_MODE="buffered")
        assert (resolved.invoke_mode, resolved.errors) == ("buffered", "raise")

    def test_of_an_argument_that_has_no_say_are_not_even_looked_at(self) -> None:
        arguments = {"invoke_mode": "nonsense"}
        assert options(arguments, ADAPTER_INVOKE_MODE="auto").invoke_mode == "auto"


class TestFaults:
    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            (
                "invoke_mode",
                "streaming",
                "invoke_mode is 'streaming'; it can be 'auto', 'response_stream' or 'buffered'.",
            ),
            ("lifespan", True, "lifespan is True; it can be 'auto', 'on' or 'off'."),
            ("errors", [], "errors is []; it can be 'respond' or 'raise'."),
            ("base_path", "api", "base_path is 'api'; it must be a path like '/api', or ''."),
            ("on_event", "f", "on_event is 'f'; it must be a function (event, context)."),
            ("event_path", "x", f"event_path is 'x'; {OWN_PATH}"),
            ("event_path", "/", f"event_path is '/'; {OWN_PATH}"),
            ("event_path", None, f"event_path is None; {OWN_PATH}"),
            ("custom_handlers", ["x"], f"custom_handlers contains 'x'; {HANDLER_CLASS}"),
            ("custom_handlers", [int], f"custom_handlers contains {int!r}; {HANDLER_CLASS}"),
            ("custom_handlers", "x", f"custom_handlers contains 'x'; {HANDLER_CLASS}"),
        ],
    )
    def test_in_an_argument_say_what_it_could_be(
        self, name: str, value: object, message: str
    ) -> None:
        with pytest.raises(ConfigurationError) as raised:
            options({name: value})
        assert str(raised.value) == message

    @pytest.mark.parametrize(
        ("variable", "value", "rest"),
        [
            ("ADAPTER_ERRORS", "", "is ''; it can be 'respond' or 'raise'."),
            ("ADAPTER_PAD_EMPTY", "yes", "is 'yes'; it can be 'on' or 'off'."),
            (
                "ADAPTER_DEADLINE_MARGIN",
                "-1",
                f"is '-1'; {MILLISECONDS}",
            ),
            ("ADAPTER_DEADLINE_MARGIN", "", f"is ''; {MILLISECONDS}"),
            (
                "ADAPTER_DEADLINE_MARGIN",
                "1s",
                f"is '1s'; {MILLISECONDS}",
            ),
            (
                "ADAPTER_DEADLINE_MARGIN",
                "inf",
                f"is 'inf'; {MILLISECONDS}",
            ),
            (
                "ADAPTER_DEADLINE_MARGIN",
                "nan",
                f"is 'nan'; {MILLISECONDS}",
            ),
        ],
    )
    def test_in_a_variable_name_the_variable_because_it_stands_in_no_code(
        self, variable: str, value: str, rest: str
    ) -> None:
        with pytest.raises(ConfigurationError) as raised:
            options({}, **{variable: value})
        assert str(raised.value) == f"{variable} {rest}"

    @pytest.mark.parametrize(
        "arguments",
        [
            {"trusted_host_header": "x-forwarded-host"},
            {"trusted_front_end": "x-origin-verify: 0123456789abcdef"},
        ],
    )
    def test_are_found_where_a_header_is_to_be_trusted_from_anybody(
        self, arguments: dict[str, str]
    ) -> None:
        with pytest.raises(ConfigurationError, match="go together"):
            options(arguments)


class TestUnknownVariables:
    @pytest.mark.parametrize(
        ("variable", "nearest"),
        [
            ("ADAPTER_INVOKEMODE", "ADAPTER_INVOKE_MODE"),
            ("ADAPTER_MODE", None),
            ("ADAPTER_ERROR", "ADAPTER_ERRORS"),
            ("ADAPTER_LOOPS", "ADAPTER_LOOP"),
            ("ADAPTER_ON_EVENT", None),
            ("ADAPTER_FOO", None),
            ("ADAPTER_", None),
        ],
    )
    def test_are_warned_of_with_the_nearest_that_is_really_near(
        self, variable: str, nearest: str | None
    ) -> None:
        hint = f" Did you mean {nearest}?" if nearest else ""
        expected = [f"{variable} is not an option of the adapter.{hint}"]
        assert warnings(**{variable: "x"}) == expected

    def test_are_warned_of_one_by_one_in_order(self) -> None:
        assert [text.split()[0] for text in warnings(ADAPTER_Z="", ADAPTER_A="")] == [
            "ADAPTER_A",
            "ADAPTER_Z",
        ]

    def test_are_no_concern_of_ours_without_our_prefix(self) -> None:
        assert warnings(PATH="/bin", AWS_LAMBDA_RUNTIME_API="x", MY_ADAPTER_X="1") == []

    def test_do_not_include_those_of_the_process(self) -> None:
        assert warnings(ADAPTER_LOOP="uvloop") == []


class TestOfTheRuntime:
    def test_are_read_from_the_environment_alone(self) -> None:
        assert resolve_runtime({}) == RuntimeOptions()
        environ = {"ADAPTER_LOOP": "uvloop", "ADAPTER_SHUTDOWN": "off", "ADAPTER_WATCHDOG": "on"}
        assert resolve_runtime(environ) == RuntimeOptions("uvloop", shutdown=False, watchdog=True)
        assert resolve_runtime({"ADAPTER_EXEC_WRAPPER": "/opt/x"}).exec_wrapper == "/opt/x"
        assert resolve_runtime({"ADAPTER_ASYNC_INIT": "9"}).async_init == 9.0

    def test_are_found_in_the_environment_by_their_variables(self) -> None:
        environ = {"ADAPTER_LOOP": "uvloop", "ADAPTER_ASYNC_INIT": "9", "ADAPTER_LIFESPAN": "on"}
        assert runtime_variables(environ) == ["ADAPTER_LOOP", "ADAPTER_ASYNC_INIT"]
        assert runtime_variables({"ADAPTER_SHUTDOWN": "off", "ADAPTER_LOOP": "asyncio"}) == []

    def test_list_what_they_could_be(self) -> None:
        with pytest.raises(ConfigurationError, match="ADAPTER_LOOP is 'trio'; it can be 'asyncio'"):
            resolve_runtime({"ADAPTER_LOOP": "trio"})


@pytest.mark.parametrize(
    ("environ", "margin"), [({}, 0.25), ({"ADAPTER_DEADLINE_MARGIN": "40"}, 0.04)]
)
def test_the_margin_of_the_deadline_needs_no_other_option(
    environ: dict[str, str], margin: float
) -> None:
    assert deadline_margin(environ | {"ADAPTER_LIFESPAN": "sometimes"}) == margin


class TestTheTable:
    def test_has_a_row_for_every_option_in_order(self) -> None:
        names = Options._fields + RuntimeOptions._fields
        assert tuple(option.name for option in OPTIONS) == names

    @pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
    def test_names_the_default_that_the_code_has(self, option: Option) -> None:
        default = (Options._field_defaults | RuntimeOptions._field_defaults)[option.name]
        text = default_of(option).strip("`")
        assert (text == "none" and not default) or option.parse(option.name, text) == default

    def test_is_what_the_page_of_the_documentation_says(self) -> None:
        hint = "out of date: python -m adapter.options > docs/options.md"
        assert DOCS.read_text(encoding="utf-8") == markdown(), hint

    @pytest.mark.process
    def test_is_printed_for_that_page(self) -> None:
        command = [sys.executable, "-m", "adapter.options"]
        printed = subprocess.run(command, capture_output=True, text=True, check=True)
        assert printed.stdout == markdown()

    def test_has_every_variable_that_there_is(self) -> None:
        page = DOCS.read_text(encoding="utf-8")
        variables = {option.environment_name for option in OPTIONS if option.variable}
        assert {v for v in variables if f"`{v}`" in page} == variables
