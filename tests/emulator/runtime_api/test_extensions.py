from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adapter.emulator.function_config import FunctionConfig
from adapter.emulator.runtime_api.extensions import MAX_EXTENSIONS, Extensions

if TYPE_CHECKING:
    from adapter.emulator.runtime_api.replies import Reply

NO_EVENTS = b'{"events":[]}'


def extensions() -> Extensions:
    return Extensions(FunctionConfig("main:app", Path("/code"), name="shop"))


def identifier(reply: Reply) -> str:
    assert reply.status == 200
    return dict(reply.headers)["Lambda-Extension-Identifier"]


def test_the_reply_to_a_registration_describes_the_function() -> None:
    registry = extensions()
    assert not registry
    reply = registry.register("mine", NO_EVENTS, closed=False)
    assert registry
    assert json.loads(reply.body) == {
        "functionName": "shop",
        "functionVersion": "$LATEST",
        "handler": "main:app",
    }


def test_the_init_is_over_when_every_extension_has_called_next() -> None:
    registry = extensions()
    assert registry.ready
    first = identifier(registry.register("a", NO_EVENTS, closed=False))
    second = identifier(registry.register("b", NO_EVENTS, closed=False))
    assert registry.next(first) is None
    assert not registry.ready
    assert registry.next(second) is None
    assert registry.ready


@pytest.mark.parametrize(
    ("name", "body", "closed", "error_type"),
    [
        ("", NO_EVENTS, False, "Extension.InvalidExtensionName"),
        ("x", b"nonsense", False, "InvalidRequestFormat"),
        ("x", b"[]", False, "InvalidRequestFormat"),
        ("x", b'{"events":["SHUTDOWN"]}', False, "Extension.InvalidEventType"),
        ("x", NO_EVENTS, True, "Extension.RegistrationClosed"),
        ("taken", NO_EVENTS, False, "Extension.InvalidExtensionState"),
    ],
)
def test_an_invalid_registration_is_refused(
    name: str, body: bytes, closed: bool, error_type: str
) -> None:
    registry = extensions()
    registry.register("taken", NO_EVENTS, closed=False)
    reply = registry.register(name, body, closed=closed)
    assert reply.status == 403
    assert json.loads(reply.body)["errorType"] == error_type


def test_the_number_of_extensions_is_limited() -> None:
    registry = extensions()
    for number in range(MAX_EXTENSIONS):
        assert registry.register(str(number), NO_EVENTS, closed=False).status == 200
    reply = registry.register("one more", NO_EVENTS, closed=False)
    assert json.loads(reply.body)["errorType"] == "Extension.TooManyExtensions"


@pytest.mark.parametrize("given", ["", "unknown"])
def test_an_unknown_extension_is_refused(given: str) -> None:
    reply = extensions().next(given)
    assert reply is not None
    assert reply.status == 403
