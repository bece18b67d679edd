"""The HTML pages: `/`, which streams, and `/demo`, which shows the other streams."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from string import Template
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, StreamingResponse

from database import Database, Orders
from panels import PANELS, Panel

logger = logging.getLogger(__name__)
router = APIRouter(tags=["pages"])


def _page(name: str) -> str:
    templates = Path(__file__).with_name("templates")
    style = (templates / "style.css").read_text("utf-8")
    return Template((templates / name).read_text("utf-8")).substitute(style=style)


DASHBOARD = _page("dashboard.html")
DEMO = _page("demo.html")


@router.get("/", response_class=HTMLResponse)
async def dashboard(
    orders: Orders,
    delay: Annotated[float, Query(ge=0, le=10, description="Seconds of the slowest panel.")] = 1.5,
) -> StreamingResponse:
    """The frame of the page at once, each panel when it is ready."""
    return StreamingResponse(_dashboard(orders, delay), media_type="text/html")


@router.get("/demo", response_class=HTMLResponse)
async def demo() -> str:
    """The other streams, as a browser shows them."""
    return DEMO


async def _dashboard(database: Database, delay: float) -> AsyncIterator[str]:
    began = time.perf_counter()
    tasks = [asyncio.create_task(_render(panel, database, delay)) for panel in PANELS]
    try:
        yield DASHBOARD
        for ready in asyncio.as_completed(tasks):
            panel, body = await ready
            yield (
                f'<section slot="{panel.slot}" class="panel {panel.width}">'
                f"<header><h2>{panel.title}</h2>"
                f"<span class=arrived>after {time.perf_counter() - began:.2f} s</span></header>"
                f"{body}</section>\n"
            )
        yield (
            "</main></div><footer>All of it took"
            f" {time.perf_counter() - began:.2f} s, and not a line of JavaScript.</footer>"
            "</body></html>\n"
        )
    finally:
        for task in tasks:
            task.cancel()
        logger.info("/ ended after %.2f s", time.perf_counter() - began)


async def _render(panel: Panel, database: Database, delay: float) -> tuple[Panel, str]:
    await asyncio.sleep(panel.slowness * delay)
    return panel, await panel.render(database)
