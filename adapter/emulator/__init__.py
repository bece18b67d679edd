"""A local Lambda: Runtime API, function URL and execution environments.

It plays AWS's part and nothing else, so it imports nothing of the runtime, the handler or the
ASGI cycle: what is wrong there must show here.
"""
