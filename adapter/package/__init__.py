"""``adapter package``: from a project to the zip that Lambda takes.

`command` tells the story; `build` is its API. Nothing in here goes into the zip.
"""
