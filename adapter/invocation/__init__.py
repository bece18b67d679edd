"""The current invocation: its record, its deadline, its threads, and who responds to it."""
