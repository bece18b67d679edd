"""`/`: a page whose frame comes first, and its panels in the order they are ready."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.loader import render_to_string

from .. import parameters
from ..panels import PANELS, Panel

logger = logging.getLogger(__name__)

#: The place of the panels in the template.
HERE = "<!-- panels -->"


async def dashboard(request: HttpRequest) -> HttpResponse:
    delay = parameters.delay(request, default=1.5)
    # In a thread, because templates may query: this one reads the user. And before the response,
    # because middleware is over when the first byte is sent.
    page = await sync_to_async(render_to_string)("sightings/dashboard.html", {}, request)
    frame, end = page.split(HERE)
    return StreamingHttpResponse(_page(frame, end, delay))


async def _page(frame: str, end: str, delay: float) -> AsyncIterator[str]:
    began = time.perf_counter()
    tasks = [asyncio.create_task(_panel(panel, delay)) for panel in PANELS]
    try:
        yield frame
        for ready in asyncio.as_completed(tasks):
            panel, body = await ready
            yield (
                f'<section slot="{panel.slot}" class="panel {panel.width}">'
                f"<header><h2>{panel.title}</h2>"
                f"<span class=arrived>after {time.perf_counter() - began:.2f} s</span></header>"
                f"{body}</section>\n"
            )
        yield end
    finally:
        for task in tasks:
            task.cancel()
        logger.info("/ ended after %.2f s", time.perf_counter() - began)


async def _panel(panel: Panel, delay: float) -> tuple[Panel, str]:
    await asyncio.sleep(panel.slowness * delay)
    # Not `sync_to_async` or the ORM's `async` methods: they share one thread for each request, in
    # which the queries would wait for one another.
    return panel, await asyncio.to_thread(_render, panel)


def _render(panel: Panel) -> str:
    try:
        return str(render_to_string(f"sightings/panels/{panel.slot}.html", panel.query()))
    finally:
        connection.close()  # that of this thread, which the end of the request does not close
