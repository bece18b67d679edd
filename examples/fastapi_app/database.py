import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request

FILE = Path(__file__).with_name("orders.sqlite3")


class Database:
    """The orders, read-only. SQLite blocks, so every read happens in a thread."""

    def __init__(self, file: Path = FILE) -> None:
        if not file.exists():
            raise RuntimeError(
                f"{file} is missing. Make it with: python {file.with_name('seed.py')}"
            )
        # `immutable`: without lock files, which cannot be written in a read-only folder.
        self._connection = sqlite3.connect(
            f"{file.as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
        )
        self._connection.row_factory = sqlite3.Row
        self._lock = threading.Lock()

    async def read(self, sql: str, *values: object) -> list[sqlite3.Row]:
        return await asyncio.to_thread(self._read, sql, values)

    def _read(self, sql: str, values: tuple[object, ...]) -> list[sqlite3.Row]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def close(self) -> None:
        with self._lock:
            self._connection.close()


def open_database(request: Request) -> Database:
    """Return the database that the lifespan opened."""
    database: Database = request.state.database
    return database


Orders = Annotated[Database, Depends(open_database)]
