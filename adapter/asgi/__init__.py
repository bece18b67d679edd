"""One ASGI exchange: the scope, the response as a state machine, and the call of the app."""
