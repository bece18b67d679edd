"""A stream of tokens: heartbeats during pauses, and an end before the timeout."""

import asyncio
from collections.abc import AsyncGenerator
from typing import cast

from fastapi import Request

#: CloudFront gives up after 30 seconds without a byte, and other proxies after a minute.
HEARTBEAT_SECONDS = 15.0
#: The part of the function's time that is kept to end the response in order.
RESERVE_SECONDS = 1.0


class TimeIsUp(Exception):
    """Lambda is about to end the invocation."""


def seconds_left(request: Request) -> float:
    """Return the seconds until the timeout of the function; infinite under another server."""
    context = request.scope.get("aws.context")
    if context is None:
        return float("inf")
    return cast("float", context.get_remaining_time_in_millis() / 1000)


async def beating(
    tokens: AsyncGenerator[str], request: Request, heartbeat: float = HEARTBEAT_SECONDS
) -> AsyncGenerator[str | None]:
    """Yield the tokens, and None for each heartbeat. Close it before `tokens`, which it waits for.

    Raises:
        TimeIsUp: before Lambda ends the invocation.
    """
    coming: asyncio.Future[str] | None = None
    try:
        while True:
            if coming is None:
                coming = asyncio.ensure_future(anext(tokens))
            left = seconds_left(request) - RESERVE_SECONDS
            if left > 0:
                await asyncio.wait((coming,), timeout=min(heartbeat, left))
            if coming.done():
                token, coming = coming.result(), None
                yield token
            elif left <= heartbeat:
                raise TimeIsUp
            else:
                yield None
    except StopAsyncIteration:
        return
    finally:
        if coming is not None and not coming.done():
            coming.cancel()
            await asyncio.wait((coming,))
