"""The app of ``bare.py`` behind a handler, for AWS's own runtime."""

from __future__ import annotations

from adapter import LambdaHandler
from benchmarks.bare import app

handler = LambdaHandler(app)
