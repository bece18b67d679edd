"""The client half of AWS's Runtime API: bytes, connection, and the response that goes out."""
