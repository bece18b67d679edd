"""AWS's own runtime, and calls of streaming handlers by synchronous code, under both runtimes."""
