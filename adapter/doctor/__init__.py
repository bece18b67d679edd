"""``adapter doctor``: does a response stream, and if not, what holds it back?"""
