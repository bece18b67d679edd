"""The FastAPI app of ``managed.py``, wrapped by whichever adapter ``BENCH_ADAPTER`` names."""

from __future__ import annotations

import os
from typing import Any

from fastapi import FastAPI

app = FastAPI(openapi_url=None)


@app.get("/bench")
async def bench(a: int, b: int) -> dict[str, int]:
    """Respond with a little JSON."""
    return {"sum": a + b}


def _wrapped() -> Any:
    # Each process imports one adapter only. Without lifespan: Mangum would run it for every call.
    if os.environ.get("BENCH_ADAPTER") == "mangum":
        from mangum import Mangum

        return Mangum(app, lifespan="off")
    from adapter import LambdaHandler

    return LambdaHandler(app, lifespan="off")


handler = _wrapped()
