"""``adapter deploy``, ``adapter destroy`` and ``adapter logs``: from a project to a URL on AWS.

`plan` is pure: it compares the desired state (`desired`) with the observed one (`observed`) and
returns typed steps (`steps`). `observe` and `apply` are the shells around it that call AWS.
"""
