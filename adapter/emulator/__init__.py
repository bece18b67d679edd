"""A local Lambda: Runtime API, function URL, Invoke API and execution environments.

This package plays AWS's part. It imports nothing of the runtime, the handler, the ASGI cycle or the
prelude, and has its own code to read their bytes, so that it cannot hide a bug in them.
"""
