"""`/sse`: the progress of a long job, as Server-Sent Events."""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel

from parameters import Delay

logger = logging.getLogger(__name__)
router = APIRouter(tags=["events"])

STAGES = ["Reading the file", "Matching customers", "Pricing the orders", "Writing the invoices"]


class Progress(BaseModel):
    step: int
    steps: int
    percent: int
    message: str


@router.get("/sse", response_class=EventSourceResponse)
async def progress(
    steps: Annotated[int, Query(ge=1, le=10_000)] = 12,
    delay: Delay = 0.5,
    last_event_id: Annotated[int, Header(ge=0)] = 0,
) -> AsyncIterator[ServerSentEvent]:
    """Progress of an import, one event a step, and `done` at the end.

    A browser whose connection breaks, at the function's timeout for example, connects again and
    sends the id of the last event that it received. The job continues after that event.
    """
    step = last_event_id
    try:
        # `retry`: how many milliseconds the browser waits before it connects again.
        yield ServerSentEvent(comment="the import has started", retry=2000)
        while step < steps:
            await asyncio.sleep(delay)
            step += 1
            yield ServerSentEvent(
                id=str(step),
                event="progress",
                data=Progress(
                    step=step,
                    steps=steps,
                    percent=100 * step // steps,
                    message=STAGES[(step - 1) * len(STAGES) // steps],
                ),
            )
        # The marker of a complete stream: a stream that ends without it was cut.
        yield ServerSentEvent(event="done", data={"steps": steps})
    finally:
        logger.info("/sse ended after step %d of %d", step, steps)
