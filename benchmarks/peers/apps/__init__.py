"""The same small apps for each contestant; ``handlers.py`` beside them wraps one of them."""
