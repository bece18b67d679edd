"""``adapter destroy``: show all resources of a deployment, and delete them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .account import Account, explained
from .apply import StepRunner, apply
from .command import write
from .desired import TAG, names_of
from .inputs import read_settings
from .observe import observe
from .plan import plan_destruction
from .settings import require
from .steps import table

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable


def main(arguments: Namespace, say: Callable[[str], None]) -> int:
    """Run the command; 0 if nothing is left, 1 if something is.

    Raises:
        ConfigurationError: wrong usage.
        DeployError: AWS refuses a step.
    """
    settings, _ = read_settings(arguments, Path.cwd())
    require(settings, ["name"], positional="name")
    name = settings.name
    with explained():
        account = Account(settings.region, settings.profile)
        place = account.place
        # Not `find_names`, so that a role that was made before --role was set is found too.
        names = names_of(name, place)
        found = observe(account, name, names, with_bucket=True)
        steps = plan_destruction(name, names, found)
        if not steps:
            say(f"Nothing in {place.account}, {place.region} has the tag {TAG}={name}.")
            return 0
        write(table(steps))
        if not (arguments.yes or is_confirmed(name, say)):
            say("Nothing was deleted.")
            return 1
        apply(steps, StepRunner(account, name, say))
    return 0


def is_confirmed(name: str, say: Callable[[str], None]) -> bool:
    """Ask the user to type ``name``. Without a terminal, the result is False."""
    if sys.stdin is None or not sys.stdin.isatty():
        say("There is no terminal to confirm at: use --yes.")
        return False
    say(f"Type {name} to delete all of it:")
    return sys.stdin.readline().strip() == name
