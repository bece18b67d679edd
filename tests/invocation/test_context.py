from __future__ import annotations

import time
import weakref

import pytest

from adapter.invocation.context import Client, ClientContext, Identity, LambdaContext


def context(deadline_ms: float) -> LambdaContext:
    return LambdaContext(aws_request_id="r-1", deadline_ms=int(deadline_ms))


def test_the_time_left_is_what_lies_between_now_and_the_deadline() -> None:
    an_hour = 3_600_000
    left = context(time.time() * 1000 + an_hour).get_remaining_time_in_millis()
    assert an_hour - 60_000 < left <= an_hour


@pytest.mark.parametrize("deadline_ms", [0, 1_000_000_000_000], ids=["none-given", "long-ago"])
def test_the_time_left_is_never_negative_because_callers_sleep_on_it(deadline_ms: int) -> None:
    assert context(deadline_ms).get_remaining_time_in_millis() == 0


def test_a_context_has_what_the_documentation_of_lambda_promises() -> None:
    documented = {
        "aws_request_id",
        "client_context",
        "function_name",
        "function_version",
        "get_remaining_time_in_millis",
        "identity",
        "invoked_function_arn",
        "log_group_name",
        "log_stream_name",
        "memory_limit_in_mb",
        "tenant_id",
    }
    assert documented <= set(dir(context(0)))


def test_nobody_is_signed_in_unless_the_platform_says_so() -> None:
    assert vars(context(0).identity) == vars(Identity(None, None))
    assert context(0).client_context is None


def test_a_client_context_has_the_three_parts_a_mobile_sdk_sends() -> None:
    assert vars(ClientContext()) == {"client": None, "custom": None, "env": None}


def test_the_trace_context_is_what_the_caller_sent_of_it() -> None:
    sent = LambdaContext("r-1", 0, w3c_fields={"traceparent": "00-1-2-01"})
    assert (sent.w3c(), context(0).w3c()) == ({"traceparent": "00-1-2-01"}, {})


def test_what_is_logged_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    context(0).log("one ")
    context(0).log(2)
    assert capsys.readouterr().out == "one 2"


OBJECTS = [context(0), Identity(), Client(), ClientContext()]


@pytest.mark.parametrize("made", OBJECTS, ids=lambda made: type(made).__name__)
class TestEveryObject:
    def test_takes_attributes_as_aws_classes_do_because_libraries_leave_things_there(
        self, made: object
    ) -> None:
        made.started = 1.5  # type: ignore[attr-defined]
        assert vars(made)["started"] == 1.5
        del made.started  # type: ignore[attr-defined]

    def test_can_be_referred_to_weakly_and_be_a_key(self, made: object) -> None:
        assert weakref.WeakKeyDictionary({made: 1})[made] == 1

    def test_is_no_sequence(self, made: object) -> None:
        assert not isinstance(made, tuple)

    def test_shows_its_attributes(self, made: object) -> None:
        name, value = next(iter(vars(made).items()))
        assert repr(made).startswith(f"{type(made).__name__}({name}={value!r}, ")


def test_the_deadline_is_the_one_that_the_platform_sent() -> None:
    assert context(1_700_000_000_000).deadline_ms == 1_700_000_000_000


def test_a_context_may_be_changed_by_wrappers() -> None:
    mine = context(0)
    mine.function_name = "other"
    mine.identity.cognito_identity_id = "me"
    assert (mine.function_name, mine.identity.cognito_identity_id) == ("other", "me")
    assert context(0).identity.cognito_identity_id is None, "the next one has its own"
