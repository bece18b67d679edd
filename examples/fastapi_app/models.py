"""A model of Amazon Bedrock, and a stand-in for it that needs no account."""

import asyncio
import os
import re
from collections.abc import AsyncGenerator, Sequence
from functools import cache
from typing import Annotated, Any, Protocol

from fastapi import Depends
from pydantic import BaseModel, Field
from starlette.concurrency import iterate_in_threadpool

from database import Database, Orders
from parameters import Delay

BEST_SELLER = """
SELECT name, origin, SUM(quantity) AS bags
FROM orders JOIN products ON products.id = product_id
GROUP BY product_id ORDER BY bags DESC LIMIT 1
"""


class Message(BaseModel):
    role: str
    content: str = Field(min_length=1, max_length=2000)


class Model(Protocol):
    name: str
    repeats: bool  #: the same prompt has the same tokens, so a broken stream can be continued

    def complete(self, messages: Sequence[Message], after: int = 0) -> AsyncGenerator[str]:
        """Yield the text token by token; the client has `after` of them, if the model repeats."""
        ...


class StandIn:
    """No language model: a fixed text, with a pause before each token."""

    name = "stand-in"
    repeats = True

    def __init__(self, orders: Database, delay: float) -> None:
        self._orders = orders
        self._delay = delay

    async def complete(self, messages: Sequence[Message], after: int = 0) -> AsyncGenerator[str]:
        (best,) = await self._orders.read(BEST_SELLER)
        text = (
            f"You asked: “{messages[-1].content}” I stand in for a language model, and this is all"
            f" I know by heart. Our best seller last year was {best['name']}, a coffee from"
            f" {best['origin']}: {best['bags']:,} bags of it left the roastery. "
            "Every word you are reading was sent by itself, the moment it was there ☕"
        )
        for token in re.findall(r"\s*\w{1,5}|\s*\W", text)[after:]:
            await asyncio.sleep(self._delay)
            yield token


class Bedrock:
    """A model of Amazon Bedrock. boto3 blocks, so each part is waited for in a thread."""

    repeats = False

    def __init__(self, name: str) -> None:
        import boto3  # lazy: its import is slow, and the stand-in does not need it

        self.name = name
        self._client: Any = boto3.client("bedrock-runtime")

    async def complete(self, messages: Sequence[Message], after: int = 0) -> AsyncGenerator[str]:
        turns = [{"role": turn.role, "content": [{"text": turn.content}]} for turn in messages]
        response = await asyncio.to_thread(
            self._client.converse_stream, modelId=self.name, messages=turns
        )
        try:
            async for event in iterate_in_threadpool(response["stream"]):
                if text := event.get("contentBlockDelta", {}).get("delta", {}).get("text"):
                    yield text
        finally:
            response["stream"].close()


bedrock = cache(Bedrock)


def choose_model(orders: Orders, delay: Delay = 0.06) -> Model:
    """Return the model that `BEDROCK_MODEL_ID` names, or the stand-in."""
    name = os.environ.get("BEDROCK_MODEL_ID")
    return bedrock(name) if name else StandIn(orders, delay)


ChosenModel = Annotated[Model, Depends(choose_model)]
