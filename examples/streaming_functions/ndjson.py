"""JSON Lines from a generator: the shortest of these functions."""

import json
import time
from collections.abc import Iterator
from typing import Any

from adapter import LambdaContext, streamify_response
from adapter.streams.pipe import BlockingStream


@streamify_response
def handler(event: Any, stream: BlockingStream, context: LambdaContext) -> Iterator[str]:
    stream.set_content_type("application/x-ndjson")
    for number in range(10):
        yield json.dumps({"number": number, "square": number**2}) + "\n"
        time.sleep(0.05)
