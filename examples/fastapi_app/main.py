"""The back office of a coffee roastery: an app without any code for Lambda."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

from fastapi import FastAPI

import chat
import completions
import diagnostics
import downloads
import objects
import pages
import pictures
import progress
import receipts
import reports
from database import Database

logging.basicConfig(format="%(levelname)s: %(message)s")
logging.getLogger().setLevel(logging.INFO)


class State(TypedDict):
    database: Database


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[State]:
    """Open the database once, when the process starts."""
    database = Database()
    yield {"database": database}
    database.close()


app = FastAPI(title="Juniper Coffee", lifespan=lifespan)
for module in (
    pages,
    progress,
    chat,
    completions,
    reports,
    pictures,
    downloads,
    objects,
    receipts,
    diagnostics,
):
    app.include_router(module.router)
