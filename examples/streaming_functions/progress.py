"""The progress of a long job as Server-Sent Events, for `new EventSource(url)` in a browser."""

import asyncio
import json
from typing import Any

from adapter import HttpResponseStream, LambdaContext, ResponseStream, streamify_response

STEPS = ("Reading the orders", "Adding them up", "Drawing the chart", "Sending the mail")
HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}


@streamify_response
async def handler(event: Any, stream: ResponseStream, context: LambdaContext) -> None:
    stream = HttpResponseStream.from_(stream, {"statusCode": 200, "headers": HEADERS})
    for number, step in enumerate(STEPS, 1):
        await work(step)
        percent = 100 * number // len(STEPS)
        await send(stream, "progress", {"percent": percent, "message": step}, number)
    # An EventSource connects again when a stream ends. After this event the page closes it.
    await send(stream, "done", {"job": context.aws_request_id}, len(STEPS) + 1)


async def work(step: str) -> None:
    await asyncio.sleep(0.2)


async def send(stream: ResponseStream, kind: str, data: dict[str, Any], number: int) -> None:
    await stream.write(f"id: {number}\nevent: {kind}\ndata: {json.dumps(data)}\n\n")
