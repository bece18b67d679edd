"""Calls of streaming handlers by synchronous code, under both runtimes."""
