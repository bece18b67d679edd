from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapter.emulator.function_config import ACCOUNT, FunctionConfig
from adapter.emulator.local_invocation import LocalInvocation
from adapter.emulator.runtime_api.extension_state import ExtensionStep
from adapter.emulator.runtime_api.extensions import MAX_EXTENSIONS, Extension, Extensions
from adapter.emulator.runtime_api.replies import ACCEPTED, Reply

from ..fidelity import Source, behaviour

NO_EVENTS = b'{"events":[]}'
INVOKE = b'{"events":["INVOKE"]}'
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:shop"


def extensions(concurrency: int | None = None) -> Extensions:
    return Extensions(
        FunctionConfig("main:app", Path("/code"), name="shop", concurrency=concurrency)
    )


def identifier(reply: Reply) -> str:
    assert reply.status == 200
    return dict(reply.headers)["Lambda-Extension-Identifier"]


def refused(reply: Reply | Extension) -> tuple[str, str]:
    assert isinstance(reply, Reply)
    assert reply.status == 403
    document = json.loads(reply.body)
    return document["errorType"], document["errorMessage"]


@pytest.fixture
def invocation() -> LocalInvocation:
    return LocalInvocation(b"{}", request_id="id-1", trace_id="")


@behaviour("A registration returns the function, and the account on request", Source.SERVER)
def test_the_reply_to_a_registration_describes_the_function() -> None:
    registry = extensions()
    assert not registry
    reply = registry.register("mine", NO_EVENTS)
    assert registry
    assert json.loads(reply.body) == {
        "functionName": "shop",
        "functionVersion": "$LATEST",
        "handler": "main:app",
    }
    with_account = registry.register("other", NO_EVENTS, features="x, accountId")
    assert json.loads(with_account.body)["accountId"] == ACCOUNT


@pytest.mark.parametrize("body", [NO_EVENTS, INVOKE, b"{}", b'{"events":null}'])
@behaviour("The init is over when every extension has called `next`", Source.SERVER)
def test_the_init_is_over_when_every_extension_has_called_next(body: bytes) -> None:
    registry = extensions()
    assert registry.ready
    first = identifier(registry.register("a", body))
    second = identifier(registry.register("b", body))
    assert isinstance(registry.next(first), Extension)
    assert not registry.ready
    assert isinstance(registry.next(second), Extension)
    assert registry.ready


@behaviour("Internal extensions may ask for `INVOKE`, or for nothing with `{}`", Source.SERVER)
def test_only_an_extension_that_asked_for_events_gets_them(
    invocation: LocalInvocation,
) -> None:
    registry = extensions()
    waiting = [
        registry.next(identifier(registry.register(name, body)))
        for name, body in (("a", INVOKE), ("b", NO_EVENTS), ("c", b"{}"))
    ]
    registry.deliver(invocation, ARN)
    assert [isinstance(each, Extension) and each.has_event.is_set() for each in waiting] == [
        True,
        False,
        False,
    ]
    assert not registry.finished


@pytest.mark.parametrize(
    ("name", "body", "closed", "error_type"),
    [
        ("", NO_EVENTS, False, "Extension.InvalidExtensionName"),
        ("", b"nonsense", False, "Extension.InvalidExtensionName"),
        ("x", b"nonsense", False, "InvalidRequestFormat"),
        ("x", b"[]", False, "InvalidRequestFormat"),
        ("x", b'{"events":"INVOKE"}', False, "InvalidRequestFormat"),
        ("x", b'{"configurationKeys":["a"]}', False, "InvalidRequestFormat"),
        ("x", b'{"events":["SHUTDOWN"]}', False, "Extension.InvalidEventType"),
        ("x", b'{"events":["INVOKE","x"]}', False, "Extension.InvalidEventType"),
        ("x", NO_EVENTS, True, "Extension.RegistrationClosed"),
        ("taken", NO_EVENTS, False, "Extension.InvalidExtensionState"),
    ],
)
@behaviour("An invalid registration is 403 with its type", Source.SERVER)
def test_an_invalid_registration_is_refused(
    name: str, body: bytes, closed: bool, error_type: str
) -> None:
    registry = extensions()
    registry.register("taken", NO_EVENTS)
    assert refused(registry.register(name, body, closed=closed))[0] == error_type


@behaviour("On managed instances extensions get no events", Source.SERVER)
def test_an_extension_of_a_managed_instance_gets_no_events() -> None:
    registry = extensions(concurrency=2)
    assert refused(registry.register("x", INVOKE)) == (
        "Extension.InvalidEventType",
        "No events allowed for internal extensions",
    )
    assert registry.register("x", b"{}").status == 200


def test_the_number_of_extensions_is_limited() -> None:
    registry = extensions()
    for number in range(MAX_EXTENSIONS):
        assert registry.register(str(number), NO_EVENTS).status == 200
    reply = registry.register("one more", NO_EVENTS)
    assert refused(reply)[0] == "Extension.TooManyExtensions"


UNKNOWN = "6f2c9a34-9a0d-4d7b-8a53-0f6f6f2f9b11"


@pytest.mark.parametrize(
    ("given", "problem"),
    [("", "Missing"), ("no uuid", "Invalid"), (UNKNOWN, "Unknown")],
)
def test_an_unknown_extension_is_refused(given: str, problem: str) -> None:
    wanted = f"Extension.{problem}ExtensionIdentifier"
    assert refused(extensions().next(given))[0] == wanted
    assert refused(extensions().report(ExtensionStep.EXIT_ERROR, given, "X"))[0] == wanted


@behaviour("A second `next` of an extension is 403", Source.SERVER)
def test_a_second_next_is_refused() -> None:
    registry = extensions()
    known = identifier(registry.register("a", NO_EVENTS))
    assert isinstance(registry.next(known), Extension)
    assert refused(registry.next(known)) == (
        "Extension.InvalidExtensionState",
        f"State transition from Ready to Ready failed for extension {known}. "
        "Error: State transition is not allowed",
    )


@pytest.mark.parametrize(
    ("step", "fatal"),
    [
        (ExtensionStep.INIT_ERROR, "Extension.InitError"),
        (ExtensionStep.EXIT_ERROR, "Extension.ExitError"),
    ],
)
@behaviour(
    "`/extension/init/error` and `/exit/error` are 202, and name the error of the environment",
    Source.SERVER,
)
def test_an_extension_reports_an_error_and_the_first_one_counts(
    step: ExtensionStep, fatal: str
) -> None:
    registry = extensions()
    known = identifier(registry.register("a", NO_EVENTS))
    assert refused(registry.report(step, known, ""))[0] == "Extension.MissingHeader"
    assert registry.report(step, known, "Extension.Boom") == ACCEPTED
    assert registry.report(step, known, "Extension.Again") == ACCEPTED
    assert registry.fatal_error == fatal
    assert refused(registry.next(known))[0] == "Extension.InvalidExtensionState"


def test_an_extension_that_waits_cannot_report_a_failed_init() -> None:
    registry = extensions()
    known = identifier(registry.register("a", NO_EVENTS))
    registry.next(known)
    kind, message = refused(registry.report(ExtensionStep.INIT_ERROR, known, "Extension.Boom"))
    assert kind == "Extension.InvalidExtensionState"
    assert message.startswith("State transition from Ready to InitError failed for extension")
