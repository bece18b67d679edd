"""The native runtime: it receives events and hosts handlers."""
