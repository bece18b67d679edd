"""The options of ``deploy``, ``destroy`` and ``logs``; importing them needs no extra."""

from __future__ import annotations

from argparse import BooleanOptionalAction
from typing import TYPE_CHECKING, NamedTuple

from .settings import ACCOUNT, SETTINGS, Choice, environment, strings, switch

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _ArgumentGroup
    from collections.abc import Callable

    from .settings import Setting

EXTRA = "deploy"
DEPLOY_EXAMPLES = """\
An option that is not among the actions can be a key in pyproject.toml, without leading hyphens:
  [tool.adapter.deploy]
  auth = "none"

exit codes:
  0  the function is deployed; with --stream-path: and that path streams
  1  the function is not deployed, or only in part, or the path does not stream
  2  wrong usage

examples:
  adapter deploy main:app --name shop --auth none --dry-run
  adapter deploy main:app --name shop --auth iam --memory 512 --environment LOG_LEVEL=debug
  adapter deploy function.zip --name shop --auth none --python 3.13
  adapter deploy --name shop --rollback
"""
DESTROY_EXAMPLES = """\
examples:
  adapter destroy shop
  adapter destroy shop --region eu-west-1 --yes
"""
LOGS_EXAMPLES = """\
examples:
  adapter logs shop --follow
  adapter logs shop --since 2h
"""


def add_deploy_arguments(deploy: ArgumentParser) -> None:
    """Describe the options of ``adapter deploy``, in groups."""
    deploy.add_argument(
        "target",
        metavar="TARGET",
        nargs="?",
        help="the app, as for adapter dev, or a zip that adapter package has made",
    )
    deploy.add_argument(
        "--factory",
        action="store_true",
        default=None,
        help="TARGET is a function that makes the app: main:create_app",
    )
    deploy.add_argument(
        "--handler",
        metavar="MODULE.NAME",
        help="the handler of a zip; default: the one that adapter package writes",
    )
    actions = deploy.add_argument_group("actions")
    actions.add_argument("--dry-run", action="store_true", help="print the plan, change nothing")
    actions.add_argument(
        "--rollback", action="store_true", help="make the previous version live again"
    )
    actions.add_argument(
        "--adopt",
        action="store_true",
        default=None,
        help="take over a function that another tool has made",
    )
    actions.add_argument(
        "--no-doctor", action="store_true", help="do not examine the URL at the end"
    )
    groups = {}
    for setting in SETTINGS:
        if setting.group not in groups:
            groups[setting.group] = deploy.add_argument_group(setting.group)
        _add(groups[setting.group], setting)


def add_destroy_arguments(destroy: ArgumentParser) -> None:
    """Describe the options of ``adapter destroy``."""
    _add_name_and_account(destroy)
    destroy.add_argument("--yes", action="store_true", help="do not ask")


def add_logs_arguments(logs: ArgumentParser) -> None:
    """Describe the options of ``adapter logs``."""
    _add_name_and_account(logs)
    logs.add_argument("--follow", action="store_true", help="wait for more lines")
    logs.add_argument(
        "--since", default="10m", metavar="AGO", help="seconds, or 5m, 2h, 1d (%(default)s)"
    )


def _add_name_and_account(parser: ArgumentParser) -> None:
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help="the function; default: the name in pyproject.toml"
    )
    group = parser.add_argument_group(ACCOUNT)
    for setting in SETTINGS:
        if setting.name in ("region", "profile"):
            _add(group, setting)


def _add(group: _ArgumentGroup, setting: Setting) -> None:
    option = f"--{setting.option}"
    if setting.parse is switch:
        group.add_argument(option, action=BooleanOptionalAction, default=None, help=setting.help)
    elif isinstance(setting.parse, Choice):
        group.add_argument(option, choices=list(setting.parse), help=setting.help)
    else:
        action = "append" if setting.parse in (strings, environment) else "store"
        group.add_argument(option, action=action, metavar=setting.metavar, help=setting.help)


class Command(NamedTuple):
    """A command and the texts of its help; ``describe`` adds its options."""

    summary: str
    arguments: str
    examples: str
    describe: Callable[[ArgumentParser], None]


COMMANDS = {
    "deploy": Command(
        "package the app, and make or update its function and its URL on AWS",
        "[OPTIONS] [TARGET]",
        DEPLOY_EXAMPLES,
        add_deploy_arguments,
    ),
    "destroy": Command(
        "show and delete all resources that adapter deploy has made for a function",
        "[OPTIONS] [NAME]",
        DESTROY_EXAMPLES,
        add_destroy_arguments,
    ),
    "logs": Command(
        "print the log lines of a function on AWS",
        "[OPTIONS] [NAME]",
        LOGS_EXAMPLES,
        add_logs_arguments,
    ),
}


def add_deployment(
    add_command: Callable[[str, str, str, str, str], ArgumentParser],
    run: Callable[[Namespace], int],
) -> None:
    """Add the commands. Each sets ``deployment`` to its name, which ``run`` reads."""
    for name, (summary, arguments, examples, describe) in COMMANDS.items():
        parser = add_command(name, summary, examples, EXTRA, arguments)
        describe(parser)
        parser.set_defaults(command=run, deployment=name)
