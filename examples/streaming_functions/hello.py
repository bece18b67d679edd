"""Five lines, half a second apart: the first example of AWS's page on response streaming."""

import asyncio
from typing import Any

from adapter import HttpResponseStream, LambdaContext, ResponseStream, streamify_response


@streamify_response
async def handler(event: Any, stream: ResponseStream, context: LambdaContext) -> None:
    metadata = {"statusCode": 200, "headers": {"Content-Type": "text/plain; charset=utf-8"}}
    stream = HttpResponseStream.from_(stream, metadata)
    for number in range(1, 6):
        await stream.write(f"Hello {number}\n")
        await asyncio.sleep(0.5)
    await stream.aclose()
    await stream.finished()
