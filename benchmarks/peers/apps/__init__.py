"""The same small apps for each implementation; ``handlers.py`` wraps one of them."""
