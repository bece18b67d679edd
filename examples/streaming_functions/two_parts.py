"""A page of two slow parts, which are made at the same time and sent in order."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from adapter import HttpResponseStream, LambdaContext, ResponseStream, streamify_response


@streamify_response
async def handler(event: Any, stream: ResponseStream, context: LambdaContext) -> None:
    metadata = {"statusCode": 200, "headers": {"Content-Type": "text/html; charset=utf-8"}}
    stream = HttpResponseStream.from_(stream, metadata)
    await stream.write("<!doctype html><title>Today</title><h1>Today</h1>\n")
    async with asyncio.TaskGroup() as tasks:
        weather = tasks.create_task(forecast())
        await stream.pipe(news())
        await stream.pipe([await weather])


async def news() -> AsyncIterator[str]:
    yield "<ul>\n"
    for title in ("Rain has been seen", "The tram is late"):
        await asyncio.sleep(0.2)
        yield f"<li>{title}</li>\n"
    yield "</ul>\n"


async def forecast() -> str:
    await asyncio.sleep(0.3)
    return "<p>Sunny, 21 °C</p>\n"
