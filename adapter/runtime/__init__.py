"""The runtimes: what stands between the Runtime API and a handler."""
