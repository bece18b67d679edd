"""The app that ``BENCH_APP`` names, and a handler by the adapter that ``BENCH_ADAPTER`` names."""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

app: Any = importlib.import_module(f"benchmarks.peers.apps.{os.environ['BENCH_APP']}").app

# A process imports one adapter only. Without lifespan: Mangum would run it for each call.
match os.environ.get("BENCH_ADAPTER"):
    case "mangum":
        from mangum import Mangum

        handler: object = Mangum(app, lifespan="off")
    case "adapter":
        from adapter import LambdaHandler

        handler = LambdaHandler(app, lifespan="off")
    case _:  # an HTTP server takes the app
        handler = None
