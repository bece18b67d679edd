"""One JSON array, item by item: `[`, the items with commas between them, and `]`.

A client that parses while it reads shows the first item at once. Any other client gets valid JSON.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from adapter import HttpResponseStream, LambdaContext, ResponseStream, streamify_response


@streamify_response
async def handler(event: Any, stream: ResponseStream, context: LambdaContext) -> AsyncIterator[str]:
    metadata = {"statusCode": 200, "headers": {"Content-Type": "application/json"}}
    HttpResponseStream.from_(stream, metadata)
    separator = "["
    async for product in products():
        yield separator + json.dumps(product)
        separator = ",\n"
    yield "]\n"


async def products() -> AsyncIterator[dict[str, Any]]:
    for number, name in enumerate(("Espresso", "Filter", "Decaf"), 1):
        await asyncio.sleep(0.1)  # a query, or a call of another API
        yield {"id": number, "name": name}
