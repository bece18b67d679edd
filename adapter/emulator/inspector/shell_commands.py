"""Commands for a shell that repeat a request. It does no I/O."""

from __future__ import annotations

from base64 import b64encode
from shlex import join, quote
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .request_line import HttpRequest

#: The event source, the HTTP client or `adapter invoke` sets these.
SET_BY_OTHERS = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "x-amzn-tls-cipher-suite",
        "x-amzn-tls-version",
        "x-amzn-trace-id",
        "x-forwarded-for",
        "x-forwarded-port",
        "x-forwarded-proto",
    }
)


def curl_command(request: HttpRequest, base_url: str) -> str:
    """Return the ``curl`` command that sends the request; empty if the event is not HTTP."""
    if not request.is_http:
        return ""
    words = ["curl", "--no-buffer", "--include", "--path-as-is", "--globoff"]
    if request.method == "HEAD":
        words.append("--head")
    elif request.method != ("POST" if request.body else "GET"):
        words += ["--request", request.method]
    for name, value in headers_of(request):
        words += ["--header", f"{name}: {value}" if value else f"{name};"]
    if request.body and not has_header(request, "content-type"):
        words += ["--header", "Content-Type:"]  # or curl sends that of a form
    return with_body(words, "--data-binary", request.body, [f"{base_url}{request.target}"])


def invoke_command(request: HttpRequest, event: bytes, target: str) -> str:
    """Return the ``adapter invoke`` command that sends the request, or else the event."""
    words = ["adapter", "invoke", target]
    if not request.is_http:
        text = quote(event.decode("utf-8", "replace"))
        return f"printf %s {text} | {join([*words, '--event', '-'])}"
    words += ["--include", "--timings", "--path", request.target]
    if request.method != ("POST" if request.body else "GET"):
        words += ["--method", request.method]
    for name, value in headers_of(request):
        words += ["--header", f"{name}: {value}"]
    return with_body(words, "--data", request.body, [])


def headers_of(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the headers of the client."""
    return [(name, value) for name, value in request.headers if name.lower() not in SET_BY_OTHERS]


def has_header(request: HttpRequest, wanted: str) -> bool:
    """Whether the request has a header."""
    return any(name.lower() == wanted for name, _ in request.headers)


def with_body(words: list[str], option: str, body: bytes, last: list[str]) -> str:
    """Return a command line with a body: as an argument if it is text, through a pipe if not."""
    if not body:
        return join([*words, *last])
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text or text.startswith("@"):
        data = b64encode(body).decode()
        return f"echo {data} | base64 -d | {join([*words, option, '@-', *last])}"
    return join([*words, option, text, *last])
