"""`/chat`: an answer that comes word by word, as from a language model."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from database import Orders
from parameters import Delay

logger = logging.getLogger(__name__)
router = APIRouter(tags=["events"], default_response_class=StreamingResponse)

BEST_SELLER = """
SELECT name, origin, SUM(quantity) AS bags
FROM orders JOIN products ON products.id = product_id
GROUP BY product_id ORDER BY bags DESC LIMIT 1
"""


class Question(BaseModel):
    prompt: str = Field(min_length=1, max_length=2000)


@router.get("/chat")
async def chat(
    orders: Orders,
    prompt: Annotated[str, Query(min_length=1, max_length=2000)] = "What sells best?",
    delay: Delay = 0.06,
) -> StreamingResponse:
    """Answer the prompt, token by token."""
    return StreamingResponse(
        _events(_tokens(prompt, orders, delay)),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-cache"},
    )


@router.post("/chat")
async def chat_post(question: Question, orders: Orders, delay: Delay = 0.06) -> StreamingResponse:
    """Answer a prompt that is too long, or too private, for a URL."""
    return await chat(orders, question.prompt, delay)


async def _events(tokens: AsyncIterator[str]) -> AsyncIterator[str]:
    """Put each token into the kind of event that language models have taught their clients."""
    async for token in tokens:
        delta = {"choices": [{"index": 0, "delta": {"content": token}}]}
        yield f"data: {json.dumps(delta)}\n\n"
    yield "data: [DONE]\n\n"


async def _tokens(prompt: str, orders: Orders, delay: float) -> AsyncIterator[str]:
    count = 0
    try:
        (best,) = await orders.read(BEST_SELLER)
        answer = (
            f"You asked: “{prompt}” I am a small model, and this is all I know by heart. "
            f"Our best seller last year was {best['name']}, a coffee from {best['origin']}: "
            f"{best['bags']:,} bags of it left the roastery. "
            "Every word you are reading was sent by itself, the moment it was there ☕"
        )
        for token in re.findall(r"\s*\w{1,5}|\s*\W", answer):
            await asyncio.sleep(delay)
            yield token
            count += 1
    finally:
        logger.info("/chat ended after %d tokens", count)
