"""`/image.png`: a picture that is sent while it is drawn."""

import asyncio
import logging
from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

import png
from database import Orders
from parameters import Delay

logger = logging.getLogger(__name__)
router = APIRouter(tags=["files"])

DAYS, HOURS = 365, 24
DAY_WIDTH, HOUR_HEIGHT = 2, 12
BUSY = 70  # orders in an hour
FEW, SOME, MANY = (250, 244, 234), (214, 128, 70), (64, 24, 20)
ORDERS_IN_HOUR = """
SELECT strftime('%j', placed_at) - 1 AS day, COUNT(*) AS orders
FROM orders WHERE substr(placed_at, 12, 2) = ? GROUP BY 1
"""


@router.get("/image.png", response_class=StreamingResponse)
async def image(orders: Orders, delay: Delay = 0.08) -> StreamingResponse:
    """A heat map: days of the year from left to right, hours of the day from top to bottom."""
    return StreamingResponse(
        png.encode(DAYS * DAY_WIDTH, HOURS * HOUR_HEIGHT, _bands(orders, delay)),
        media_type="image/png",
    )


async def _bands(orders: Orders, delay: float) -> AsyncIterator[bytes]:
    hour = 0
    try:
        for hour in range(HOURS):
            found = await orders.read(ORDERS_IN_HOUR, f"{hour:02}")
            counts = {row["day"]: row["orders"] for row in found}
            pixels = b"".join(_colour(counts.get(day, 0)) * DAY_WIDTH for day in range(DAYS))
            yield pixels * HOUR_HEIGHT
            await asyncio.sleep(delay)
    finally:
        logger.info("/image.png ended at %d o'clock", hour)


def _colour(orders: int) -> bytes:
    heat = min(orders / BUSY, 1.0) * 2
    cold, hot = (FEW, SOME) if heat <= 1 else (SOME, MANY)
    share = heat if heat <= 1 else heat - 1
    return bytes(round(a + (b - a) * share) for a, b in zip(cold, hot, strict=True))
