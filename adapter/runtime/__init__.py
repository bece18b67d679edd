"""The runtimes, between the Runtime API and a handler."""
