"""Execution environments: runtime processes, and the pool that starts, reuses and stops them."""
