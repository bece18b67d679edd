"""A local Lambda: Runtime API, execution environments, event sources and Invoke API.

This package does what AWS does. It does not import the runtime, the handler, the ASGI cycle or the
prelude. It reads their bytes with its own code, so that it cannot hide a bug in them.
"""
