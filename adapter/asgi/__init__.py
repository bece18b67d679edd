"""One ASGI exchange: the scope, the response as a state machine, and the app that runs."""
