"""The ASGI app: its scope, the state machine of its response, its call and its lifespan."""
