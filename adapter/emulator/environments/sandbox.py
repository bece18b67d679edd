"""Starts a runtime as Lambda does: the task root is read-only, and it ends with this process."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

# In a new mount namespace, the task root is mounted over itself, read-only; the rest of the file
# system stays as it is. The shell entered its working directory before the mount, where the
# folder is still writable, so it enters the folder again.
REMOUNT = 'mount -o bind,ro "$0" "$0" && cd "$0" && exec "$@"'

# Two ways to get the namespace: as root, or as any user where user namespaces are allowed.
NAMESPACES = (("--mount",), ("--user", "--map-root-user", "--mount"))

# The kernel kills the runtime when this process ends, even by SIGKILL.
DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")


class Sandbox(NamedTuple):
    """How to start a runtime on this machine."""

    prefix: tuple[str, ...]
    read_only: bool

    def command(self, command: tuple[str, ...]) -> list[str]:
        """Return the command line that starts ``command`` in the sandbox."""
        return [*self.prefix, *command]


def find_sandbox(task_root: Path) -> Sandbox:
    """Return the best sandbox that works on this machine, found by trying each."""
    die = DIE_WITH_PARENT if works((*DIE_WITH_PARENT, "true")) else ()
    if shutil.which("unshare") and shutil.which("mount"):
        for namespace in NAMESPACES:
            # setpriv comes last: entering a user namespace would clear its setting
            prefix = ("unshare", *namespace, "sh", "-c", REMOUNT, str(task_root), *die)
            if works((*prefix, "sh", "-c", "! [ -w . ]")):
                return Sandbox(prefix, read_only=True)
    return Sandbox(die, read_only=False)


def works(command: tuple[str, ...]) -> bool:
    """Whether the command exists and succeeds."""
    if shutil.which(command[0]) is None:
        return False
    try:
        return subprocess.run(command, capture_output=True, timeout=5, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
