"""The acceptance run: both examples on a real account, in every mode, beside the local Lambda.

``make acceptance`` runs it with the credentials of the shell. It makes functions and REST APIs
whose names begin with ``adapter-acceptance``, calls each some dozen times, writes one report, and
deletes all of it, also after a failure. Costs: a few cents.
"""
