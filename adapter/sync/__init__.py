"""The way from synchronous code into handlers that stream, under either runtime."""
