"""`/report.csv` and `/download`: responses too long to be held in memory."""

import asyncio
import csv
import io
import logging
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import islice
from sqlite3 import ProgrammingError

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from .. import parameters
from ..models import Sighting

logger = logging.getLogger(__name__)

ROWS = 1_000
FIELDS = ("id", "seen_at", "species__name", "species__latin", "place", "birds", "observer")
MEGABYTE = 1024 * 1024
BLOCK = random.Random(0).randbytes(64 * 1024)


async def report(request: HttpRequest) -> HttpResponse:
    """Every sighting as CSV, read from the database page by page."""
    limit = int(parameters.number(request, "limit", 1_000_000, 1, 1_000_000))
    return StreamingHttpResponse(
        _csv(limit),
        content_type="text/csv",
        headers={"Content-Disposition": 'attachment; filename="sightings.csv"'},
    )


async def _csv(limit: int) -> AsyncIterator[str]:
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow([field.replace("__", "_") for field in FIELDS])
    rows = 0
    sightings = Sighting.objects.values_list(*FIELDS)[:limit].iterator(chunk_size=ROWS)
    # A cursor belongs to its thread, and `sync_to_async` has one thread for each request. The ORM's
    # `aiterator` does the same for instances of a model, but (Django 5.2) not for their values.
    next_page = sync_to_async(lambda: list(islice(sightings, ROWS)))
    try:
        while page := await next_page():
            table.writerows((id, f"{at:%Y-%m-%dT%H:%M:%SZ}", *rest) for id, at, *rest in page)
            rows += len(page)
            yield text.getvalue()
            text.seek(0)
            text.truncate()
    finally:
        # After a disconnect the connection may be closed already, or its thread may be busy.
        with suppress(ProgrammingError, ValueError):
            sightings.close()
        logger.info("/report.csv ended after %d rows", rows)


async def download(request: HttpRequest) -> HttpResponse:
    """`mb` megabytes, the same bytes each time; Lambda streams 200 MB at most."""
    mb = int(parameters.number(request, "mb", 10, 1, 200))
    return StreamingHttpResponse(
        _blocks(mb * MEGABYTE),
        content_type="application/octet-stream",
        headers={
            "Content-Disposition": f'attachment; filename="{mb}mb.bin"',
            "Content-Length": str(mb * MEGABYTE),
        },
    )


async def _blocks(size: int) -> AsyncIterator[bytes]:
    sent = 0
    try:
        while sent < size:
            yield BLOCK
            sent += len(BLOCK)
            await asyncio.sleep(0)  # other requests of the process run now
    finally:
        logger.info("/download ended after %d of %d bytes", sent, size)
