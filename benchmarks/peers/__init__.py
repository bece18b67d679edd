"""The adapter, compared with other ways to serve an ASGI app from Lambda: ``make bench-peers``."""
