"""A local Lambda: Runtime API, function URL, Invoke API and execution environments.

It plays the part of AWS. So that it cannot share a fault with what it tests, it imports nothing of
the runtime, the handler, the ASGI cycle or the prelude, and decodes what they send by code of its
own.
"""
