"""Summaries, metrics and loggers."""
