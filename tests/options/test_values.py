from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapter.errors import ConfigurationError
from adapter.events.front_end import FrontEnd
from adapter.options.values import (
    choice,
    event_path,
    front_end,
    function,
    handler_classes,
    header_name,
    invoke_mode,
    milliseconds,
    path,
    seconds,
    switch,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "0123456789abcdef"
ARN = "arn:aws:sts::123456789012:assumed-role/front/*"


class Letter:
    """A custom handler, as far as it is checked."""

    @classmethod
    def infer(cls, event: object, context: object, config: object) -> bool:
        return True


def by_event(event: object) -> str:
    return "buffered"


@pytest.mark.parametrize(
    ("parse", "value", "parsed"),
    [
        (choice("a", "b"), "b", "b"),
        (invoke_mode, "auto", "auto"),
        (invoke_mode, by_event, by_event),
        (switch, "on", True),
        (switch, "off", False),
        (path, "/api/", "/api"),
        (path, None, ""),
        (event_path, "/events", "/events"),
        (event_path, "", ""),
        (handler_classes, None, ()),
        (handler_classes, Letter, (Letter,)),
        (handler_classes, [Letter], (Letter,)),
        (function, None, None),
        (function, by_event, by_event),
        (milliseconds, "250", 0.25),
        (seconds, None, 0.0),
        (seconds, "1.5", 1.5),
        (seconds, 0, 0.0),
        (header_name, "", ""),
        (header_name, "X-Forwarded-Host", "x-forwarded-host"),
        (front_end, None, None),
        (front_end, "", None),
        (front_end, ARN, FrontEnd(caller=ARN)),
        (front_end, f"X-A: {SECRET}", FrontEnd(header=b"x-a", secrets=(SECRET.encode(),))),
        (text, 1, "1"),
    ],
)
def test_a_value_is_parsed(parse: Callable[[str, Any], Any], value: object, parsed: object) -> None:
    assert parse("option", value) == parsed


@pytest.mark.parametrize(
    ("parse", "value", "message"),
    [
        (choice("a", "b", "c"), "d", "option is 'd'; it can be 'a', 'b' or 'c'."),
        (invoke_mode, None, "option is None; it can be 'auto', 'response_stream' or 'buffered'."),
        (switch, True, "option is True; it can be 'on' or 'off'."),
        (path, "api", "option is 'api'; it must be a path like '/api', or ''."),
        (event_path, "/", "option is '/'; it must be a path like '/lambda-events', or ''."),
        (event_path, None, "option is None; it must be a path like '/lambda-events', or ''."),
        (handler_classes, [int], "option contains <class 'int'>; each must be a class with infer("),
        (function, 1, "option is 1; it must be a function (event, context)."),
        (milliseconds, "soon", "option is 'soon'; it must be a number of milliseconds, or 0."),
        (seconds, -1, "option is -1; it must be a number of seconds, or 0."),
        (seconds, "nan", "option is 'nan'; it must be a number of seconds, or 0."),
        (header_name, "x host", "option is 'x host'; it must be the name of a header other"),
        (header_name, "é", "option is 'é'; it must be the name of a header other"),
        (header_name, "Host", "option is 'Host'; it must be the name of a header other than"),
        (header_name, None, "option is None; it must be the name of a header other"),
    ],
)
def test_a_mistake_says_what_it_could_be(
    parse: Callable[[str, Any], Any], value: object, message: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse("option", value)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    "value", [1, SECRET, "x-a: short-secret", f"x-a {SECRET}", f"x-a: {SECRET} {SECRET}"]
)
def test_a_front_end_without_a_proof_is_refused_and_its_secret_is_not_repeated(
    value: object,
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        front_end("trusted_front_end", value)
    assert "trusted_front_end must be 'header: secret'" in str(raised.value)
    assert SECRET not in str(raised.value)
