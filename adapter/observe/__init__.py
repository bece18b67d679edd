"""Summaries of invocations, metrics and the access log."""
