from __future__ import annotations

from pathlib import Path

import pytest

from adapter.emulator.function_config import (
    NATIVE_RUNTIME,
    FunctionConfig,
    exec_wrapper,
    runtime_environ,
)

FUNCTION = FunctionConfig("main:app", Path("/code"), name="shop", memory_mb=512)


def test_the_environment_variables_are_those_of_lambda() -> None:
    environ = runtime_environ(FUNCTION, "127.0.0.1:9001", {})
    stream = environ.pop("AWS_LAMBDA_LOG_STREAM_NAME")
    assert "[$LATEST]" in stream
    assert environ == {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_FUNCTION_NAME": "shop",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/shop",
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
        "AWS_REGION": "us-east-1",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LAMBDA_TASK_ROOT": "/code",
        "LANG": "en_US.UTF-8",
        "PWD": "/code",
        "TZ": ":UTC",
        "_HANDLER": "main:app",
    }


def test_the_users_own_settings_are_passed_on() -> None:
    user = {"DATABASE_URL": "x", "ADAPTER_LOOP": "uvloop", "TZ": "CET", "AWS_PROFILE": "me"}
    environ = runtime_environ(FUNCTION, "a:1", {**user, "AWS_DEFAULT_REGION": "eu-west-1"})
    assert user.items() <= environ.items()
    assert environ["AWS_REGION"] == "eu-west-1"


def test_names_that_lambda_does_not_reserve_are_passed_on() -> None:
    user = {"AWS_LAMBDA_NODEJS_USE_ALTERNATIVE_CLIENT_1": "true", "AWS_LAMBDA_EXEC_WRAPPER": "/x"}
    assert user.items() <= runtime_environ(FUNCTION, "a:1", user).items()


def test_no_reserved_name_is_taken_from_the_user() -> None:
    leaking = {
        "AWS_LAMBDA_MAX_CONCURRENCY": "4",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "_X_AMZN_TRACE_ID": "Root=1",
        "_LAMBDA_TELEMETRY_LOG_FD": "3",
        "LAMBDA_EXTRA": "x",
    }
    environ = runtime_environ(FUNCTION, "a:1", {**leaking, "_HANDLER": "theirs"})
    assert not leaking.keys() & environ.keys()
    assert environ["_HANDLER"] == "main:app"


@pytest.mark.parametrize(
    ("command", "value", "wrapper"),
    [
        (NATIVE_RUNTIME, "", ""),
        (NATIVE_RUNTIME, "/opt/wrap", "/opt/wrap"),
        (NATIVE_RUNTIME, "/var/task/wrap", "/code/wrap"),
        (NATIVE_RUNTIME, "/var/task/adapter/bootstrap", ""),
        (("node", "x.mjs"), "/opt/python/adapter/bootstrap", "/opt/python/adapter/bootstrap"),
    ],
)
def test_the_wrapper_of_the_runtime(command: tuple[str, ...], value: str, wrapper: str) -> None:
    function = FunctionConfig("main:app", Path("/code"), command=command)
    assert exec_wrapper(function, {"AWS_LAMBDA_EXEC_WRAPPER": value}) == wrapper


def test_layers_extend_the_search_paths_of_the_user() -> None:
    function = FunctionConfig("main:app", Path("/code"), layers=(Path("/layer"),))
    environ = runtime_environ(function, "127.0.0.1:9001", {"PATH": "/usr/bin"})
    assert environ["PATH"] == "/usr/bin:/opt/bin"
