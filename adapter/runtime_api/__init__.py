"""The client of AWS's Runtime API: bytes, connection, and the response stream."""
