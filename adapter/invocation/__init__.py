"""The current invocation, and what invocations share: event loop, threads, handlers, loggers."""
