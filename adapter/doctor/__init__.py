"""``adapter doctor``: whether a response streams, and the reason if it does not."""
