import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import BinaryIO

from asgiref.sync import markcoroutinefunction
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.decorators import async_only_middleware
from django.utils.deprecation import MiddlewareMixin
from whitenoise.middleware import WhiteNoiseMiddleware

logger = logging.getLogger(__name__)

View = Callable[[HttpRequest], Awaitable[HttpResponse]]

BLOCK = 64 * 1024


class AsyncWhiteNoiseMiddleware(WhiteNoiseMiddleware):
    """WhiteNoise for ASGI.

    The original is synchronous: Django would send each request through a thread, and read each
    file as a whole before the first byte is sent.
    """

    sync_capable = False
    async_capable = True

    def __init__(self, get_response: View) -> None:
        super().__init__(get_response)
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponse:
        find = self.find_file if self.autorefresh else self.files.get
        static_file = find(request.path_info)
        if static_file is None:
            return await self.get_response(request)
        response = self.serve(static_file, request)
        response.streaming_content = _blocks(response.file_to_stream)
        return response


async def _blocks(file: BinaryIO | None) -> AsyncIterator[bytes]:
    while file and (block := await asyncio.to_thread(file.read, BLOCK)):
        yield block


@async_only_middleware
def warn_of_buffering(get_response: View) -> View:
    """Warn, once per route, that Django collects a response before it sends the first byte.

    Django warns, too, but does not name the view.
    """
    known: set[str] = set()

    async def middleware(request: HttpRequest) -> HttpResponse:
        response = await get_response(request)
        if response.streaming and not response.is_async:
            route = request.resolver_match.route if request.resolver_match else request.path
            if route not in known:
                known.add(route)
                logger.warning(
                    "%s responds with a synchronous iterator. Under ASGI Django collects all of it"
                    " before it sends the first byte. Make the generator an 'async def'.",
                    request.path,
                )
        return response

    return middleware


class ReadOnlyMiddleware(MiddlewareMixin):
    """Responds with an explanation to a request that tries to write into a read-only database."""

    def __init__(self, get_response: View) -> None:
        super().__init__(get_response)
        if settings.DATABASE_IS_READ_ONLY and not settings.DATABASE_FILE.exists():
            raise ImproperlyConfigured(
                f"{settings.DATABASE_FILE} is missing."
                f" Make it with: python {settings.BASE_DIR / 'manage.py'} build"
            )

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, OperationalError) and "readonly database" in str(error):
            return render(request, "sightings/read_only.html", status=403)
        return None
