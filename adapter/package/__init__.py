"""``adapter package``: from a project to the zip that Lambda takes.

`command` is the command, `build` has its steps in order. The zip does not contain this package.
"""
