"""`/report.csv`, `/items.json`, `/logs.ndjson`: responses too long to be held in memory."""

import asyncio
import csv
import io
import json
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from database import Orders
from parameters import Delay

logger = logging.getLogger(__name__)
router = APIRouter(tags=["reports"])

PAGE = 2_000
# Keyset pagination: a page starts behind the last row of the one before. `OFFSET` would read
# all the rows before it again, for every page.
NEXT_ORDERS = """
SELECT orders.id, placed_at, customer, city, name, quantity, orders.cents
FROM orders JOIN products ON products.id = product_id
WHERE orders.id > ? ORDER BY orders.id LIMIT ?
"""
PRODUCTS = """
SELECT products.id, name, origin, roast, products.cents, SUM(quantity) AS sold
FROM products JOIN orders ON product_id = products.id
GROUP BY products.id ORDER BY products.id
"""


@router.get("/report.csv", response_class=StreamingResponse)
async def report(
    orders: Orders,
    limit: Annotated[int, Query(ge=1, description="How many rows at most.")] = 1_000_000,
) -> StreamingResponse:
    """Every order as CSV, read from the database page by page."""
    return StreamingResponse(
        _csv(orders, limit),
        media_type="text/csv",
        headers={"Content-Disposition": 'attachment; filename="orders.csv"'},
    )


async def _csv(orders: Orders, limit: int) -> AsyncIterator[str]:
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["id", "placed_at", "customer", "city", "product", "quantity", "total"])
    last = rows = 0
    try:
        while page := await orders.read(NEXT_ORDERS, last, min(PAGE, limit - rows)):
            table.writerows((*row[:-1], f"{row['cents'] / 100:.2f}") for row in page)
            last = page[-1]["id"]
            rows += len(page)
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    finally:
        logger.info("/report.csv ended after %d rows", rows)


@router.get("/items.json", response_class=StreamingResponse)
async def items(orders: Orders, delay: Delay = 0.1) -> StreamingResponse:
    """One JSON array, item by item."""
    return StreamingResponse(_array(orders, delay), media_type="application/json")


async def _array(orders: Orders, delay: float) -> AsyncIterator[str]:
    before = "["
    for product in await orders.read(PRODUCTS):
        yield before + json.dumps(dict(product))
        before = ",\n "
        await asyncio.sleep(delay)
    yield "]\n"


class LogLine(BaseModel):
    time: datetime
    level: Literal["INFO", "WARNING"]
    message: str


@router.get("/logs.ndjson")
async def logs(
    lines: Annotated[int, Query(ge=1, le=100_000)] = 20, delay: Delay = 0.2
) -> AsyncIterator[LogLine]:
    """A log as it is written, one JSON object a line."""
    sent = 0
    try:
        for number in range(1, lines + 1):
            late = number % 7 == 0
            yield LogLine(
                time=datetime.now(UTC),
                level="WARNING" if late else "INFO",
                message=f"Order {number:06} " + ("waits for stock" if late else "packed"),
            )
            sent = number
            await asyncio.sleep(delay)
    finally:
        logger.info("/logs.ndjson ended after %d lines", sent)
