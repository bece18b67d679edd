"""``adapter doctor``: requests a response and says whether the response streams."""

from __future__ import annotations

import json
import os
import re
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio
import h11

from ..diagnosis.findings import diagnose, streams
from ..diagnosis.observation import BufferingSource, Observation
from ..emulator.commands.request_options import read_data, read_path
from ..errors import ConfigurationError
from ..target import DISTRIBUTION, find_target
from .local_target import probe_target
from .probe import ProbeRequest, encode, probe
from .report import lines, make_report, printable, without_secrets

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from ..target import Target
    from .probe import Fields, ProbedResponse

URL = re.compile(r"https?://[^/\s]", re.IGNORECASE)
HOST = re.compile(r"://|:\d|^[\w-]+(\.[\w-]+)+/(?!.*\.py)")  #: of a URL, perhaps without its scheme

STREAMS, DOES_NOT_STREAM = 0, 1


def main(arguments: Namespace) -> int:
    """Request one response; return 0 if the response streams, else 1.

    Raises:
        ConfigurationError: wrong usage, or there is no response to judge.
    """
    request = read_request(arguments)
    if arguments.report is not None:
        try_report(arguments.report)
    observation, seen = anyio.run(observe, arguments, request)
    findings = diagnose(observation)
    for line in lines(observation, seen, findings):
        sys.stdout.write(f"{printable(line)}\n")
    if arguments.report is not None:
        document = make_report(
            observation,
            seen,
            findings,
            version=version(DISTRIBUTION),
            time=f"{datetime.now(UTC):%FT%TZ}",
            target=shown_target(arguments),
            request={
                "method": request.method,
                "url": without_user(request.url),
                "headers": without_secrets(request.headers),
                "body_bytes": len(request.body),
            },
        )
        with written(arguments.report):
            arguments.report.write_text(f"{json.dumps(document, indent=2)}\n", encoding="utf-8")
    return STREAMS if streams(observation, findings) else DOES_NOT_STREAM


def is_url(target: str) -> bool:
    """Whether TARGET is a URL."""
    return bool(URL.match(target))


def read_request(arguments: Namespace) -> ProbeRequest:
    """Return the request that the options describe.

    Raises:
        ConfigurationError: it cannot be sent.
    """
    target: str = arguments.target
    if is_url(target):
        if arguments.path is not None:
            raise ConfigurationError("--path is only for TARGET: a URL has its own path.")
        if arguments.factory:
            raise ConfigurationError("--factory is only for TARGET: a URL has an app already.")
        url = target.partition("#")[0]
    else:
        url = read_path(arguments.path or "/")
    body = b"" if arguments.data is None else read_data(arguments.data)
    method = arguments.method or ("GET" if arguments.data is None else "POST")
    request = ProbeRequest(url, method.upper(), read_headers(arguments.header), body)
    check(request)
    return request


def read_headers(texts: list[str]) -> Fields:
    """Read ``--header``."""
    fields = []
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon:
            raise ConfigurationError(f"--header {text!r} is not a header. Try 'Accept: text/html'.")
        fields.append((name.strip(), value.strip()))
    return fields


def check(request: ProbeRequest) -> None:
    """Check that the request can be sent.

    Raises:
        ConfigurationError: HTTP does not allow the request, or its port is not a number.
    """
    try:
        _ = urlsplit(request.url).port
        encode(request, h11.Connection(h11.CLIENT))
    except (h11.LocalProtocolError, ValueError) as error:
        raise ConfigurationError(f"The request cannot be sent: {error}") from error


async def observe(
    arguments: Namespace, request: ProbeRequest
) -> tuple[Observation, ProbedResponse]:
    """Send the request to the local app or to the URL.

    Raises:
        ConfigurationError: there is no response to judge.
    """
    target: str = arguments.target
    if not is_url(target):
        found = find_app(target, factory=arguments.factory)
        return await probe_target(found, request, arguments.seconds)
    try:
        seen = await probe(request, arguments.seconds)
    except (OSError, UnicodeError) as error:
        reason = str(error) or type(error).__name__
        raise ConfigurationError(f"{without_user(target)} cannot be reached: {reason}") from error
    return remote_observation(seen), seen


def find_app(text: str, *, factory: bool) -> Target:
    """Find the local app.

    Raises:
        ConfigurationError: there is no such app; perhaps ``text`` is a URL without its scheme.
    """
    try:
        return find_target(text, Path.cwd(), factory=factory)
    except ConfigurationError as error:
        if not HOST.search(text):
            raise
        raise ConfigurationError(
            f"{text!r} names no app, and a URL begins with http:// or https:// and a host, as in "
            "http://127.0.0.1:8000/sse."
        ) from error


def remote_observation(seen: ProbedResponse) -> Observation:
    """Return the observation of a client, which does not see the runtime."""
    return Observation(
        duration=seen.duration,
        received=seen.chunks,
        head_at=seen.head_at,
        status=seen.status,
        headers=seen.headers,
        head_bytes=seen.head_bytes,
        body_start=seen.body_start,
        protocol=seen.protocol,
        broken=seen.broken,
        buffering=buffering_source(seen),
        expected_to_stream=True,
    )


def buffering_source(seen: ProbedResponse) -> str:
    """Return the event source of AWS that has buffered the response, if the headers show it."""
    names = {name.lower() for name, _ in seen.headers}
    if "apigw-requestid" in names:
        return BufferingSource.HTTP_API
    if "content-length" not in names:
        return ""
    if "x-amz-apigw-id" in names:
        return BufferingSource.REST_API
    return BufferingSource.FUNCTION_URL if "x-amzn-requestid" in names else ""


def shown_target(arguments: Namespace) -> str:
    """Return TARGET for the report, without the folder of the user."""
    target: str = arguments.target
    return without_user(target) if is_url(target) else Path(target).name


def without_user(url: str) -> str:
    """Return a URL without user and password."""
    return re.sub(r"(?<=//)[^/@]*@", "", url)


def try_report(file: Path) -> None:
    """Check before the request that the report can be written; leave the file as it is.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    with written(file):
        if not file.exists():
            target = Path(os.path.realpath(file))  # so that a link stays
            target.touch()
            target.unlink()
        elif file.is_file() or file.is_dir():  # a pipe would wait for its reader
            file.open("a").close()


@contextmanager
def written(file: Path) -> Iterator[None]:
    """Name the report if it cannot be written.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            f"Cannot write --report {str(file)!r}: {error.strerror}. Name another file."
        ) from error
