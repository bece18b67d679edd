"""`/background`: work after the response."""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Query
from pydantic import BaseModel

from parameters import Delay

logger = logging.getLogger(__name__)
router = APIRouter(prefix="/background", tags=["after the response"])


class Receipt(BaseModel):
    order: int
    sent_at: datetime


#: The last receipt that this process sent. Other processes, as other Lambda environments, have
#: their own.
last: Receipt | None = None


@router.get("", status_code=202)
async def take_order(
    background: BackgroundTasks,
    order: Annotated[int, Query(ge=1)] = 1,
    delay: Delay = 0.5,
) -> dict[str, str]:
    """Take an order; its receipt is sent after the client has the response."""
    background.add_task(_send_receipt, order, delay)
    return {"status": f"order {order} taken, its receipt follows"}


@router.get("/last")
async def last_receipt() -> Receipt | None:
    """The last receipt, if this process sent one."""
    return last


async def _send_receipt(order: int, delay: float) -> None:
    global last
    await asyncio.sleep(delay)
    last = Receipt(order=order, sent_at=datetime.now(UTC))
    logger.info("Receipt for order %d sent", order)
