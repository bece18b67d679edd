"""`/chat`: tokens as Server-Sent Events, which continue after a connection has broken."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from models import ChosenModel, Message, Model
from tokens import TimeIsUp, beating

logger = logging.getLogger(__name__)
router = APIRouter(tags=["events"], default_response_class=StreamingResponse)

LastEventId = Annotated[int, Header(ge=0)]


class Question(BaseModel):
    prompt: str = Field(min_length=1, max_length=2000)


@router.get("/chat")
async def chat(
    request: Request,
    model: ChosenModel,
    prompt: Annotated[str, Query(min_length=1, max_length=2000)] = "What sells best?",
    last_event_id: LastEventId = 0,
) -> StreamingResponse:
    """Respond to the prompt, token by token."""
    return StreamingResponse(
        _events(request, model, prompt, last_event_id),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-cache"},
    )


@router.post("/chat")
async def chat_post(
    request: Request, model: ChosenModel, question: Question, last_event_id: LastEventId = 0
) -> StreamingResponse:
    """Respond to a prompt that is too long, or too private, for a URL."""
    return await chat(request, model, question.prompt, last_event_id)


async def _events(
    request: Request, model: Model, prompt: str, last_event_id: int
) -> AsyncIterator[str]:
    """Put each token into an event in the format of OpenAI's API, which many clients read.

    The id of an event is its number: a client that connects again sends the last id that it has.
    """
    count = last_event_id if model.repeats else 0
    messages = [Message(role="user", content=prompt)]
    try:
        if last_event_id > count:
            yield "event: restart\ndata: the answer begins again\n\n"
        async with (
            aclosing(model.complete(messages, count)) as completion,
            aclosing(beating(completion, request)) as tokens,
        ):
            async for token in tokens:
                if token is None:
                    yield ": still here\n\n"
                else:
                    count += 1
                    delta = {"choices": [{"index": 0, "delta": {"content": token}}]}
                    yield f"id: {count}\ndata: {json.dumps(delta)}\n\n"
        yield "data: [DONE]\n\n"
    except TimeIsUp:
        # Without [DONE]: an EventSource connects again after `retry` milliseconds, for the rest.
        yield "retry: 100\n\n"
    finally:
        logger.info("/chat ended after %d tokens", count)
