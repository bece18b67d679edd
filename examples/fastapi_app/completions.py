"""`/v1/chat/completions`: the same tokens for clients that speak OpenAI's API.

https://platform.openai.com/docs/api-reference/chat-streaming
"""

import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, Field

from models import ChosenModel, Message, Model
from tokens import TimeIsUp, beating

router = APIRouter(tags=["events"])


class StreamOptions(BaseModel):
    include_usage: bool = False


class Completion(BaseModel):
    """The part of the request that is read; other fields have no effect."""

    model: str = ""
    messages: list[Message] = Field(min_length=1)
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()


@router.post("/v1/chat/completions", response_model=None)
async def completions(request: Request, asked: Completion, model: ChosenModel) -> Response:
    """Respond to the messages, in one piece or as a stream that ends with `[DONE]`."""
    head = {"id": f"chatcmpl-{uuid4().hex}", "created": int(time.time()), "model": model.name}
    if asked.stream:
        chunks = _chunks(request, asked, model, {**head, "object": "chat.completion.chunk"})
        return StreamingResponse(chunks, media_type="text/event-stream")
    async with aclosing(model.complete(asked.messages)) as completion:
        tokens = [token async for token in completion]
    message = {"role": "assistant", "content": "".join(tokens)}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = _usage(len(tokens))
    return JSONResponse({**head, "object": "chat.completion", "choices": [choice], "usage": usage})


async def _chunks(
    request: Request, asked: Completion, model: Model, head: dict[str, Any]
) -> AsyncIterator[str]:
    def chunk(delta: dict[str, str], finish_reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return f"data: {json.dumps({**head, 'choices': [choice]})}\n\n"

    count, reason = 0, "stop"
    yield chunk({"role": "assistant", "content": ""})
    try:
        async with (
            aclosing(model.complete(asked.messages)) as completion,
            aclosing(beating(completion, request)) as tokens,
        ):
            async for token in tokens:
                count += token is not None
                yield ": still here\n\n" if token is None else chunk({"content": token})
    except TimeIsUp:
        reason = "length"  # for clients: the completion was cut
    yield chunk({}, reason)
    if asked.stream_options.include_usage:
        yield f"data: {json.dumps({**head, 'choices': [], 'usage': _usage(count)})}\n\n"
    yield "data: [DONE]\n\n"


def _usage(count: int) -> dict[str, int]:
    return {"prompt_tokens": 0, "completion_tokens": count, "total_tokens": count}
