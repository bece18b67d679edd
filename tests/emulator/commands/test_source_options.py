from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapter.cli import build_parser
from adapter.emulator.commands.arguments import SOURCES
from adapter.emulator.commands.source_options import READERS, read_source
from adapter.emulator.front_ends.function_url import FunctionUrlSource
from adapter.emulator.front_ends.http_api import HttpApiSource
from adapter.emulator.front_ends.load_balancer import LoadBalancerSource
from adapter.emulator.front_ends.rest_api import RestApiSource
from adapter.errors import ConfigurationError

if TYPE_CHECKING:
    from adapter.emulator.front_ends.event_source import EventSource


def source_of(*options: str, url: dict[str, Any] | None = None) -> EventSource:
    return read_source(build_parser().parse_args(["dev", "main:app", *options]), url or {})


@pytest.mark.parametrize(
    ("options", "kind", "streams"),
    [
        ([], FunctionUrlSource, True),
        (["--invoke-mode", "buffered"], FunctionUrlSource, False),
        (["--source", "rest"], RestApiSource, False),
        (["--source", "rest", "--invoke-mode", "response_stream"], RestApiSource, True),
        (["--source", "http", "--stage", "dev"], HttpApiSource, False),
        (["--source", "alb", "--multi-value-headers"], LoadBalancerSource, False),
    ],
)
def test_each_source_has_the_mode_that_it_has_on_aws(
    options: list[str], kind: type[EventSource], streams: bool
) -> None:
    source = source_of(*options)
    assert isinstance(source, kind)
    assert source.streams is streams


def test_each_choice_of_source_is_in_the_table() -> None:
    assert tuple(READERS) == SOURCES


@pytest.mark.parametrize(
    ("url", "streams"),
    [({"InvokeMode": "RESPONSE_STREAM"}, True), ({"AuthType": "NONE"}, False), ({}, True)],
)
def test_a_template_says_how_its_url_is_invoked(url: dict[str, Any], streams: bool) -> None:
    assert source_of(url=url).streams is streams
    assert source_of("--invoke-mode", "buffered", url=url).streams is False


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--stage", "dev"], "--stage is for --source rest or http only"),
        (["--source", "alb", "--base-path", "/x"], "--base-path is for --source rest or http only"),
        (["--source", "alb", "--as-aws"], "--as-aws is for --source url or rest or http only"),
        (["--multi-value-headers"], "--multi-value-headers is for --source alb only"),
        (["--source", "rest", "--cors", "{}"], "--cors is for --source url only"),
        (["--source", "http", "--auth", "aws_iam"], "--auth is for --source url only"),
        (["--source", "alb", "--invoke-mode", "response_stream"], "alb does not stream"),
        (["--cors", "nonsense"], "--cors is not JSON"),
        (["--cors", "[]"], "has to be an object"),
    ],
)
def test_an_option_of_another_source_is_refused(options: list[str], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        source_of(*options)


def test_signatures_need_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/none")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/none")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(ConfigurationError, match="invented credentials will do"):
        source_of("--auth", "aws_iam")
