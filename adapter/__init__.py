"""Stream any ASGI app from AWS Lambda."""

__version__ = "0.1.0"
