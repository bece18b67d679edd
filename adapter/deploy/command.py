"""``adapter deploy``: plan, apply, and say where the app is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigurationError
from .account import Account, explained
from .apply import StepRunner, apply
from .doctor import examine
from .inputs import desired, find_names, packaging_of, read_settings
from .observe import observe, read_url, read_version
from .plan import plan, plan_rollback, previous_version
from .settings import SETTINGS, require
from .steps import table

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from ..package.build import DeploymentPackage
    from .observed import Url
    from .settings import Settings
    from .steps import Step

OF_ROLLBACK = ("name", "stream_path", "region", "profile")  #: the settings that it reads


def main(arguments: Namespace, say: Callable[[str], None]) -> int:
    """Run the command; 1 if ``--stream-path`` does not stream, else 0.

    Raises:
        ConfigurationError: wrong usage.
        DeployError: AWS refuses a step.
        PackageError: the app cannot be packaged.
    """
    settings, folder = read_settings(arguments, Path.cwd())
    require(settings, ["name"] if arguments.rollback else ["name", "auth", "target"])
    check_options(arguments, settings)
    packaging = None if arguments.rollback else packaging_of(settings, folder, say)
    with explained():
        account = Account(settings.region, settings.profile)
        if packaging is None:
            steps = roll_back(account, settings, say, dry_run=arguments.dry_run)
        else:
            steps = deploy(account, settings, packaging, arguments, say)
        if not steps:
            say("Nothing to change.")
        if arguments.dry_run:
            write(table(steps))
            return 0
        url = read_url(account, settings.name)
    assert url is not None  # by the plan
    write(url_lines(url, account.place.region))
    return 0 if arguments.no_doctor else examine(url, settings.stream_path, say)


def check_options(arguments: Namespace, settings: Settings) -> None:
    """Refuse an option that the TARGET, or another option, has no use for.

    Raises:
        ConfigurationError: there is such an option on the command line.
    """
    if arguments.no_doctor and arguments.stream_path:
        raise ConfigurationError(
            "--stream-path is for the doctor, which --no-doctor turns off: leave one of them out."
        )
    if arguments.rollback:
        check_rollback(arguments)
        return
    if settings.auth == "AWS_IAM" and arguments.stream_path:
        raise ConfigurationError(
            "--stream-path is for the doctor, which does not examine a URL with --auth iam: leave "
            "it out."
        )
    is_zip = settings.target.endswith(".zip")
    if arguments.handler and not is_zip:
        raise ConfigurationError("--handler is for a zip. To deploy a handler: main.handler")
    if arguments.factory and is_zip:
        raise ConfigurationError("--factory is for an app. A zip has its handler in it.")


def check_rollback(arguments: Namespace) -> None:
    """Refuse what would change the version that a rollback makes live."""
    others = ("target", "factory", "handler", "adopt")
    names = [*others, *(setting.name for setting in SETTINGS if setting.name not in OF_ROLLBACK)]
    for name in names:
        value = getattr(arguments, name)
        if value is not None and value != []:
            option = f"--{'no-' if value is False else ''}{name.replace('_', '-')}"
            raise ConfigurationError(
                "--rollback makes the previous version live as it was deployed: leave "
                f"{'TARGET' if name == 'target' else option} out."
            )


def deploy(
    account: Account,
    settings: Settings,
    packaging: AbstractContextManager[DeploymentPackage],
    arguments: Namespace,
    say: Callable[[str], None],
) -> Sequence[Step]:
    """Package and deploy; return the steps."""
    place = account.place
    names = find_names(settings, place)
    with packaging as package:
        wanted = desired(settings, package, place, names, adopt=arguments.adopt)
        is_big = wanted.upload is not None and wanted.upload.is_own_bucket
        found = observe(account, settings.name, names, with_bucket=is_big)
        steps = plan(wanted, found)
        if not arguments.dry_run:
            live = str(found.live.number) if found.live else ""
            apply(steps, StepRunner(account, settings.name, say, package.file, live))
    return steps


def roll_back(
    account: Account, settings: Settings, say: Callable[[str], None], *, dry_run: bool
) -> Sequence[Step]:
    """Make the previous version live again; return the steps."""
    name = settings.name
    found = observe(account, name, find_names(settings, account.place), with_bucket=False)
    target = read_version(account, name, str(previous_version(name, found)))
    steps = plan_rollback(name, found, target)
    if not dry_run:
        apply(steps, StepRunner(account, name, say))
    return steps


def url_lines(url: Url, region: str) -> Iterator[str]:
    """Return the URL, and a command line that shows the stream."""
    sign = (
        f' --aws-sigv4 "aws:amz:{region}:lambda" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"'
        ' -H "x-amz-security-token: $AWS_SESSION_TOKEN"'
    )
    yield url.url
    yield f"curl -N{sign if url.auth == 'AWS_IAM' else ''} {url.url}"


def write(lines: Iterator[str]) -> None:
    """Write a result."""
    for line in lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
