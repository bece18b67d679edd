"""A FastAPI app that returns a little JSON."""

from __future__ import annotations

from fastapi import FastAPI

app = FastAPI(openapi_url=None)


@app.get("/bench")
async def bench(a: int, b: int) -> dict[str, int]:
    """Return the sum of two query parameters."""
    return {"sum": a + b}
