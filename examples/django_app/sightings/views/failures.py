"""An error before a response, and in the middle of a response."""

from collections.abc import AsyncIterator

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse


async def before(request: HttpRequest) -> HttpResponse:
    """Fail before the first byte: the client gets Django's 500 page."""
    raise RuntimeError("This view always fails, before its response")


async def after(request: HttpRequest) -> HttpResponse:
    """Fail after the status and a part of the body: the client gets a broken response."""
    return StreamingHttpResponse(_failing(), content_type="text/plain")


async def _failing() -> AsyncIterator[str]:
    for number in range(1, 4):
        yield f"line {number} of 10\n"
    raise RuntimeError("This view always fails, after three lines")
