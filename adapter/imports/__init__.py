"""Faster imports at a cold start."""
