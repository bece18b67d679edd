"""``adapter logs``: the log lines of a function, from CloudWatch."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from ..errors import ConfigurationError, DeployError
from .account import Account, explained, ignore_missing
from .inputs import read_settings
from .settings import require

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
PAUSE_SECONDS = 2
#: CloudWatch may show a line seconds after its time, so each read begins that much earlier.
LATE_MILLISECONDS = 30_000


class LogEvent(TypedDict):
    """A line; ``timestamp`` in milliseconds since 1970."""

    eventId: str
    timestamp: int
    message: str


def main(arguments: Namespace, _say: Callable[[str], None]) -> int:
    """Run the command.

    Raises:
        ConfigurationError: wrong usage.
        DeployError: the lines cannot be read.
    """
    settings, _ = read_settings(arguments, Path.cwd())
    require(settings, ["name"], positional="name")
    start = max(0, round(time.time() * 1000) - ago(arguments.since) * 1000)
    with explained():
        account = Account(settings.region, settings.profile)
        log_group = find_log_group(account, settings.name)
        for line in lines(account, log_group, start, follow=arguments.follow):
            sys.stdout.write(line)
            sys.stdout.flush()
    return 0


def ago(text: str) -> int:
    """Return a duration, such as ``5m``, in seconds.

    Raises:
        ConfigurationError: the text is not a duration.
    """
    found = re.fullmatch(r"(\d{1,15})([smhd]?)", text)
    if not found:
        raise ConfigurationError(f"--since {text!r} is not a duration such as 90, 5m, 2h or 1d.")
    return int(found[1]) * UNITS[found[2]]


def find_log_group(account: Account, name: str) -> str:
    """Return the log group of a function.

    Raises:
        DeployError: there is no such function.
    """
    with ignore_missing():
        state = account.lambda_.get_function_configuration(FunctionName=name)
        log_group: str = state.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{name}")
        return log_group
    raise DeployError(f"There is no function {name!r} here. Check its name and --region.")


def lines(account: Account, log_group: str, start: int, *, follow: bool) -> Iterator[str]:
    """Return the lines since ``start`` (in milliseconds), in order. ``follow``: without end."""
    seen: dict[str, int] = {}
    while True:
        for event in sorted(read(account, log_group, start), key=lambda each: each["timestamp"]):
            if event["eventId"] not in seen:
                seen[event["eventId"]] = event["timestamp"]
                # The runtimes separate the lines of a traceback by carriage returns.
                text = event["message"].rstrip().replace("\r\n", "\n").replace("\r", "\n")
                yield f"{text}\n"
        if not follow:
            return
        if seen:
            start = max(start, max(seen.values()) - LATE_MILLISECONDS)
            seen = {event: at for event, at in seen.items() if at >= start}
        time.sleep(PAUSE_SECONDS)


def read(account: Account, log_group: str, start: int) -> Iterator[LogEvent]:
    """Read the lines of all environments."""
    pages = account.logs.get_paginator("filter_log_events")
    with ignore_missing():
        for page in pages.paginate(logGroupName=log_group, startTime=start):
            yield from page["events"]
        return
    raise DeployError(f"There is no log group {log_group} here. Check --region.")
