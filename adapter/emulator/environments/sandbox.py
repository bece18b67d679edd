"""Starts a runtime as Lambda does: its code is read-only to it, and it never outlives us."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

# In a mount namespace of its own the task root is mounted over itself, read-only; whatever
# else the process sees stays as it is. The shell's working directory was entered before the
# mount and would still be the writable one, so it is entered again.
REMOUNT = 'mount -o bind,ro "$0" "$0" && cd "$0" && exec "$@"'

# Two ways to get the namespace: as root, or as anybody where user namespaces are allowed.
NAMESPACES = (("--mount",), ("--user", "--map-root-user", "--mount"))

# The kernel kills the runtime when we are gone, even if we were killed ourselves.
DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")


class Sandbox(NamedTuple):
    """How to start a runtime here."""

    prefix: tuple[str, ...]
    read_only: bool

    def command(self, command: tuple[str, ...]) -> list[str]:
        """Return the command line that starts ``command`` in the sandbox."""
        return [*self.prefix, *command]


def find_sandbox(task_root: Path) -> Sandbox:
    """Try what this machine allows, once, by doing it."""
    die = DIE_WITH_PARENT if works((*DIE_WITH_PARENT, "true")) else ()
    if shutil.which("unshare") and shutil.which("mount"):
        for namespace in NAMESPACES:
            # die comes last: entering a user namespace would clear it again
            prefix = ("unshare", *namespace, "sh", "-c", REMOUNT, str(task_root), *die)
            if works((*prefix, "sh", "-c", "! [ -w . ]")):
                return Sandbox(prefix, read_only=True)
    return Sandbox(die, read_only=False)


def works(command: tuple[str, ...]) -> bool:
    """Whether the command can be run here and succeeds."""
    if shutil.which(command[0]) is None:
        return False
    try:
        return subprocess.run(command, capture_output=True, timeout=5, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
