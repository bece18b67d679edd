"""A first request that nobody waits for, so that a real one finds imports done and caches full."""

from __future__ import annotations

import logging
import os
import time
from typing import TYPE_CHECKING

from ..context import LambdaContext
from ..environment import priming
from ..errors import ConfigurationError
from ..loggers import get_logger
from ..prelude import decode
from ..stream import BufferedStream
from .invocation import function_context

if TYPE_CHECKING:
    from ..types import JSON, Event, StreamingHandler

logger = get_logger("adapter.runtime")

SECONDS = 9.0
"""What the app gets: on demand, Lambda gives the whole of init 10."""


async def prime(handler: StreamingHandler, target: str) -> None:
    """Request ``target`` from the app and drop what it answers. A failure is logged, no more.

    To be run in a task of its own: the context it sets is not for others.

    Raises:
        ConfigurationError: ``target`` is no path.
    """
    if not target.startswith("/"):
        raise ConfigurationError(f"ADAPTER_PRIME is {target!r}; it must be a path like '/warm'.")
    stream = BufferedStream()
    deadline = int((time.time() + SECONDS) * 1000)
    context = LambdaContext("prime", deadline, "", *function_context(os.environ))
    priming.set(True)
    try:
        answer = await handler.respond(_event(target), context, stream)
        status = _status(stream, answer)
    except Exception as error:
        logger.warning("ADAPTER_PRIME=%s failed.", target, exc_info=error)
    else:
        level = logging.WARNING if status >= 500 else logging.DEBUG
        logger.log(level, "ADAPTER_PRIME=%s was answered with %d.", target, status)


def _event(target: str) -> Event:
    """Return the event of a GET request to a function URL."""
    path, _, query = target.partition("?")
    domain = f"prime.lambda-url.{os.environ.get('AWS_REGION', 'eu-west-1')}.on.aws"
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": domain},
        "requestContext": {"domainName": domain, "http": {"method": "GET"}},
    }


def _status(stream: BufferedStream, answer: JSON) -> int:
    if stream.error is not None:
        raise stream.error
    if stream.chunks:
        return decode(b"".join(stream.chunks))[0].get("statusCode", 200)
    status = answer.get("statusCode") if isinstance(answer, dict) else None
    return status if isinstance(status, int) else 200
