"""``adapter deploy``, ``adapter destroy`` and ``adapter logs``: from a project to a URL on AWS.

`plan` is pure: it compares what shall be (`desired`) with what is there (`observed`) and returns
typed steps (`steps`). `observe` and `apply` are the shells around it that talk to AWS.
"""
