"""The adapter beside the other ways to serve an ASGI app from Lambda: ``make bench-peers``."""
