"""Finds the reasons why a response does not stream, from its times, headers and log. No I/O."""
