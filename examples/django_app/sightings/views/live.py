"""`/sse`: Server-Sent Events, and `/buffered`: the same from a synchronous iterator."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render

from .. import parameters
from ..models import Sighting

logger = logging.getLogger(__name__)


def live(request: HttpRequest) -> HttpResponse:
    """Show both, side by side."""
    return render(request, "sightings/live.html")


async def sse(request: HttpRequest) -> HttpResponse:
    """The year's sightings, replayed one by one, and `done` at the end.

    A browser whose connection breaks, at the function's timeout for example, connects again and
    sends the id of the last event that it received. The replay continues after that event.
    """
    delay = parameters.delay(request, default=0.5)
    return _event_stream(_events(_replay(request), delay))


def buffered(request: HttpRequest) -> HttpResponse:
    """The same, but written for WSGI. It works, but the first byte arrives after the last event.

    Under ASGI Django reads a synchronous iterator in a thread to its end, and then sends the
    parts; middleware in this example warns of it. `sse` is the solution: an `async def`, an
    `async for`, and no code that blocks.
    """
    delay = parameters.delay(request, default=0.5)
    return _event_stream(_events_in_one_block(_replay(request), delay))


def _event_stream(events: AsyncIterator[str] | Iterator[str]) -> HttpResponse:
    return StreamingHttpResponse(
        events, content_type="text/event-stream", headers={"Cache-Control": "no-cache"}
    )


def _replay(request: HttpRequest) -> QuerySet[Sighting]:
    steps = int(parameters.number(request, "steps", 12, 1, 10_000))
    last = request.headers.get("Last-Event-ID", "")
    after = int(last) if last.isdecimal() else 0
    sightings = Sighting.objects.select_related("species")
    return sightings.filter(id__gt=after, id__lte=steps)


async def _events(sightings: QuerySet[Sighting], delay: float) -> AsyncIterator[str]:
    sent = last = 0
    try:
        # `retry`: how many milliseconds the browser waits before it connects again.
        yield ": the replay has started\nretry: 2000\n\n"
        # One query for each event, so that none is open during a pause, which may be long: after a
        # disconnect Django closes the connection first and the iterators later.
        while sighting := await sightings.filter(id__gt=last).afirst():
            await asyncio.sleep(delay)
            yield _event("sighting", _as_json(sighting), sighting.id)
            sent += 1
            last = sighting.id
        # The marker of a complete stream: a stream that ends without it was cut.
        yield _event("done", {"sent": sent})
    finally:
        logger.info("/sse ended after %d sightings", sent)


def _events_in_one_block(sightings: QuerySet[Sighting], delay: float) -> Iterator[str]:
    sent = 0
    try:
        yield ": the replay has started\nretry: 2000\n\n"
        for sighting in sightings.iterator():
            time.sleep(delay)
            sent += 1
            yield _event("sighting", _as_json(sighting), sighting.id)
        yield _event("done", {"sent": sent})
    finally:
        logger.info("/buffered ended after %d sightings", sent)


def _event(kind: str, data: dict[str, Any], number: int | None = None) -> str:
    identity = f"id: {number}\n" if number else ""
    return f"{identity}event: {kind}\ndata: {json.dumps(data)}\n\n"


def _as_json(sighting: Sighting) -> dict[str, Any]:
    return {
        "seen_at": sighting.seen_at.isoformat(),
        "species": sighting.species.name,
        "birds": sighting.birds,
        "place": sighting.get_place_display(),
    }
