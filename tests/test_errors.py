from __future__ import annotations

import errno
import inspect
import pickle
import sqlite3
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest

from adapter import errors
from adapter.errors import (
    AdapterError,
    ClientDisconnected,
    ConfigurationError,
    EventError,
    HandlerError,
    InvocationFailed,
    LifespanFailed,
    LoadError,
    RuntimeApiError,
    app_frames,
    error_object,
    failed_start,
    is_explained,
    read_only_hint,
)
from adapter.events.prelude import decode

CLASSES = [value for value in vars(errors).values() if inspect.isclass(value)]

SAMPLES = {
    RuntimeApiError: ("GET /next", 500, '{"errorMessage":"lost"}\n'),
    HandlerError: ("Runtime.MarshalError", "A set is not JSON."),
    InvocationFailed: ("Function.Boom", {"errorMessage": "boom"}, None, b"so far"),
    LoadError: ("Runtime.ImportModuleError", "No module named 'main'."),
}


def sample(kind: type[AdapterError]) -> AdapterError:
    return kind(*SAMPLES.get(kind, ("It went wrong.",)))


def fail() -> None:
    raise ValueError("bad")


def caught(error: BaseException) -> BaseException:
    """``error`` as it comes out of an app: with a traceback that ends here."""
    try:
        raise error
    except BaseException as raised:
        return raised


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


class Nameless(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise RuntimeError("no")


class Opaque(Exception, metaclass=Nameless):
    @property  # type: ignore[misc]
    def __class__(self) -> type:
        raise RuntimeError("no")

    @property
    def __traceback__(self) -> None:  # type: ignore[override]
        raise RuntimeError("no")

    @property
    def __cause__(self) -> None:  # type: ignore[override]
        raise RuntimeError("no")

    def __str__(self) -> str:
        raise SystemExit(1)


class Empty(Exception):
    def __len__(self) -> int:
        return 0


class Text(str):
    def __str__(self) -> str:
        return self

    def __getitem__(self, key: object) -> str:
        raise RuntimeError("no")


class Sourceless:
    """A loader of modules that fails where the standard library expects source."""

    def get_source(self, name: str) -> str:
        raise RuntimeError("no")


def failed_in_a_module_without_source() -> BaseException:
    module = {"__name__": "shop", "__loader__": Sourceless()}
    exec(compile("def fail(): raise ValueError('bad')", "no-such-folder/shop.py", "exec"), module)
    with pytest.raises(ValueError, match="bad") as raised:
        module["fail"]()  # type: ignore[operator]
    return raised.value


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
class TestEveryError:
    def test_has_the_one_root_so_that_a_user_can_catch_them_all(
        self, kind: type[AdapterError]
    ) -> None:
        assert issubclass(kind, AdapterError)

    def test_says_in_a_docstring_who_broke_what(self, kind: type[AdapterError]) -> None:
        assert kind.__dict__["__doc__"]

    def test_stands_in_the_tree_at_the_top_of_the_module(self, kind: type[AdapterError]) -> None:
        assert f"* `{kind.__name__}`" in (errors.__doc__ or "")

    def test_survives_pickle_so_that_it_can_cross_a_process(self, kind: type[AdapterError]) -> None:
        error = sample(kind)
        copy = pickle.loads(pickle.dumps(error))
        assert (type(copy), str(copy), vars(copy)) == (kind, str(error), vars(error))


def test_a_client_that_left_is_an_os_error_because_frameworks_stop_on_that() -> None:
    assert isinstance(ClientDisconnected("gone"), OSError)


def test_a_refusal_of_the_runtime_api_says_what_was_asked_and_what_came_back() -> None:
    error = RuntimeApiError("GET /next", 403, '{"errorType":"InvalidStateTransition"}\n')
    assert str(error) == ('GET /next returned 403: {"errorType":"InvalidStateTransition"}')


class TestErrorObject:
    def test_has_the_keys_that_callers_of_a_failed_function_see(self) -> None:
        described = error_object(caught(KeyError("table")), "r-1")
        assert described["errorType"] == "KeyError"
        assert described["errorMessage"] == "'table'"
        assert described["requestId"] == "r-1"
        assert "raise error" in described["stackTrace"][-1]

    @pytest.mark.parametrize("name", [__file__, "<string>"], ids=["with source", "without"])
    def test_has_the_lines_of_the_standard_library(self, name: str) -> None:
        with pytest.raises(ZeroDivisionError) as raised:
            exec(compile("def f():\n    1 / 0\nf()", name, "exec"), {})
        error = raised.value
        lines = [(f.filename, f.lineno or 0, f.name, f.line) for f in app_frames(error)]
        assert len(lines) == 3
        assert error_object(error)["stackTrace"] == traceback.format_list(lines)

    def test_has_no_request_id_where_there_is_no_request_because_init_has_none(self) -> None:
        assert "requestId" not in error_object(ValueError("bad"))

    def test_calls_a_fault_of_the_handler_what_aws_calls_it(self) -> None:
        error = HandlerError("Runtime.MarshalError", "A set is not JSON.")
        assert error_object(error)["errorType"] == "Runtime.MarshalError"

    def test_leaves_our_own_frames_out_because_they_say_nothing_about_the_app(self) -> None:
        with pytest.raises(AdapterError) as raised:
            decode(b"")
        stack = "".join(error_object(raised.value)["stackTrace"])
        assert "test_errors.py" in stack
        assert "prelude.py" not in stack

    def test_leaves_out_the_way_into_a_thread_because_it_is_the_same_for_every_error(self) -> None:
        with ThreadPoolExecutor() as threads:
            error = threads.submit(fail).exception()
        assert error is not None
        [frame] = error_object(error)["stackTrace"]
        assert "in fail" in frame

    def test_marks_no_columns_because_room_is_scarce(self) -> None:
        assert "^" not in "".join(error_object(caught(ValueError("bad")))["stackTrace"])

    def test_describes_an_error_that_was_never_raised(self) -> None:
        assert error_object(ValueError("bad"))["stackTrace"] == []

    def test_describes_an_error_whose_str_raises_because_nothing_is_lost_quietly(self) -> None:
        described = error_object(caught(Unprintable()))
        assert described["errorType"] == "Unprintable"
        assert described["errorMessage"] == "<str() of this error raised RuntimeError>"

    def test_calls_an_error_by_the_name_of_its_class_even_if_that_hides_it(self) -> None:
        described = error_object(caught(Opaque()))
        assert described["errorType"] == "Opaque"
        assert described["errorMessage"] == "<str() of this error raised SystemExit>"
        assert "raise error" in described["stackTrace"][-1]

    def test_has_no_stack_where_the_source_of_a_module_cannot_be_had(self) -> None:
        described = error_object(failed_in_a_module_without_source())
        assert (described["errorMessage"], described["stackTrace"]) == ("bad", [])

    def test_has_plain_text_for_a_message_of_another_string_class(self) -> None:
        assert type(error_object(Exception(Text("bad")))["errorMessage"]) is str


def test_a_write_to_a_read_only_file_system_comes_with_the_place_that_can_be_written_to() -> None:
    refused = OSError(errno.EROFS, "Read-only file system", "/var/task/cache")
    assert "/tmp" in read_only_hint(refused)
    assert read_only_hint(OSError(errno.ENOENT, "No such file or directory")) == ""
    assert read_only_hint(None) == ""


def test_so_does_the_error_of_a_database_and_an_error_that_another_one_causes() -> None:
    wrapped = RuntimeError("no cache")
    wrapped.__cause__ = OSError(errno.EROFS, "Read-only file system")
    assert "/tmp" in read_only_hint(wrapped)
    with pytest.raises(sqlite3.OperationalError) as caught:
        sqlite3.connect("/nonexistent/shop.sqlite3")
    assert "/tmp" in read_only_hint(caught.value)
    circular = RuntimeError("a")
    circular.__cause__ = circular
    assert read_only_hint(circular) == ""


def test_a_false_error_and_one_that_hides_its_attributes_are_looked_through() -> None:
    wrapped, hiding = RuntimeError("no cache"), Opaque()
    wrapped.__cause__ = Empty()
    wrapped.__cause__.__context__ = OSError(errno.EROFS, "Read-only file system")
    assert "/tmp" in read_only_hint(wrapped)
    assert read_only_hint(hiding) == ""


def test_a_complete_message_needs_no_traceback_but_that_of_its_cause() -> None:
    cause = ValueError("no database")
    for kind in (ConfigurationError, LifespanFailed, LoadError):
        error = sample(kind)
        assert failed_start(error) == (str(error), None)
        error.__cause__ = cause
        assert failed_start(error) == (str(error), cause)
    assert failed_start(cause) == ("no database", cause)


def test_an_error_of_the_adapter_explains_itself_unless_it_went_through_other_code() -> None:
    def in_the_app(*, cause: BaseException | None = None) -> AdapterError:
        try:
            raise EventError("not JSON") from cause
        except EventError as error:
            return error

    with pytest.raises(EventError) as caught:
        decode(b"no delimiter")
    own = caught.value.with_traceback(None)  # without the frame of this test
    assert is_explained(own)
    assert not is_explained(in_the_app())
    assert not is_explained(in_the_app(cause=ValueError()).with_traceback(None))
    assert not is_explained(ValueError())
