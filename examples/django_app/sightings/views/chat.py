"""`/chat`: a page, and a response word by word, as from a language model."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.core.exceptions import BadRequest
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from .. import parameters
from ..models import Species

logger = logging.getLogger(__name__)

LONGEST = 2000


@require_http_methods(["GET", "POST"])
async def chat(request: HttpRequest) -> HttpResponse:
    """GET: the page. POST of a `prompt`, as the form there sends it: the response."""
    if request.method == "GET":
        return await sync_to_async(render)(request, "sightings/chat.html", {"longest": LONGEST})
    prompt = request.POST.get("prompt", "").strip()
    if not 0 < len(prompt) <= LONGEST:
        raise BadRequest(f"prompt must have 1 to {LONGEST} characters")
    return StreamingHttpResponse(
        _events(_tokens(prompt, parameters.delay(request, default=0.06))),
        content_type="text/event-stream",
        headers={"Cache-Control": "no-cache"},
    )


async def _events(tokens: AsyncIterator[str]) -> AsyncIterator[str]:
    """Put each token into an event in the format of OpenAI's API, which many clients read."""
    async for token in tokens:
        delta = {"choices": [{"index": 0, "delta": {"content": token}}]}
        yield f"data: {json.dumps(delta)}\n\n"
    yield "data: [DONE]\n\n"


async def _tokens(prompt: str, delay: float) -> AsyncIterator[str]:
    count = 0
    try:
        best = await Species.objects.annotate(birds=Sum("sightings__birds")).alatest("birds")
        answer = (
            f"You asked: “{prompt}” I am a small model, and this is all I know by heart. "
            f"The bird we counted most last year was the {best.name}, {best.latin}: "
            f"{best.birds:,} of them passed the point. "
            "Every word you are reading was sent by itself, the moment it was there 🐦"
        )
        for token in re.findall(r"\s*\w{1,5}|\s*\W", answer):
            await asyncio.sleep(delay)
            yield token
            count += 1
    finally:
        logger.info("/chat ended after %d tokens", count)
