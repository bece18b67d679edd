"""A feed of measurements, until the invocation's time is nearly up or Lambda stops reading.

If the function is invoked directly, the event has the number of measurements: `{"count": 5}`.
"""

import asyncio
import itertools
import json
import os
import time
from typing import Any

from adapter import ClientDisconnected, LambdaContext, ResponseStream, streamify_response

INTERVAL, RESERVE = 0.1, 1000


@streamify_response
async def handler(event: Any, stream: ResponseStream, context: LambdaContext) -> None:
    stream.set_content_type("application/x-ndjson")
    sent = 0
    try:
        for sent in itertools.count(1):
            await stream.write(json.dumps(measure(sent)) + "\n")
            if sent == event.get("count") or context.get_remaining_time_in_millis() < RESERVE:
                break
            await asyncio.sleep(INTERVAL)
        await stream.write(json.dumps({"end": True, "sent": sent}) + "\n")
    except ClientDisconnected:
        print(f"The client left after {sent} measurements.")
        raise  # this ends the invocation, and does not count as a failure


def measure(number: int) -> dict[str, Any]:
    return {"number": number, "time": time.time(), "load": os.getloadavg()[0]}
