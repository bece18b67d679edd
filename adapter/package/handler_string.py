"""The handler string of the packaged function, and the module it needs to be one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: the handler that the console gives to a new Python function, so there is nothing to change
MODULE = "lambda_function"
ATTRIBUTE = "lambda_handler"

SCRIPT = '''"""Made by `adapter package`: gives Lambda the app as a handler."""

from adapter.loader import load

{attribute} = load("{target}")
'''


def make_handler(target: str, folder: Path) -> str:
    """Return what a function's Handler has to be; an app gets the module that makes it one.

    Lambda's own runtime knows ``module.attribute`` only.
    """
    if ":" not in target:
        return target.replace("/", ".")
    name = MODULE
    while any(folder.glob(f"{name}.*")) or (folder / name).exists():
        name += "_"
    script = SCRIPT.format(attribute=ATTRIBUTE, target=target)
    (folder / f"{name}.py").write_text(script, "utf-8", newline="\n")
    return f"{name}.{ATTRIBUTE}"
