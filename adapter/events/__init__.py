"""Event in, request out; and the answer in the form each source of events wants."""
