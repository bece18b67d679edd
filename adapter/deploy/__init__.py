"""``adapter deploy``, ``adapter destroy`` and ``adapter logs``: from a project to a URL on AWS.

`plan` does no I/O: it compares the desired state (`desired`) with the observed state (`observed`)
and returns typed steps (`steps`). `observe` and `apply` call AWS.
"""
