"""Starts a runtime as Lambda does, with a read-only task root, and ends it with this process."""

from __future__ import annotations

import shutil
import subprocess
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

from ...errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

# In a new mount namespace, the task root is mounted over itself, read-only. The rest of the file
# system stays as it is. The shell entered its working directory before the mount and could still
# write to it, so it enters the folder again.
REMOUNT = 'mount -o bind,ro "$0" "$0" && cd "$0" && exec "$@"'

# The files of layers appear in /opt and hide this machine's files of the same name.
MOUNT_LAYERS = (
    'l=$1; shift; { [ -d /opt ] || mkdir /opt; } && mount -t overlay -o "lowerdir=$l:/opt" '
    f"layers /opt && {REMOUNT}"
)

# Two ways to get the namespace: as root, or as any user where user namespaces are allowed.
NAMESPACES = (("--mount",), ("--user", "--map-root-user", "--mount"))

# The kernel kills the runtime when this process ends, even by SIGKILL.
DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL")

# Does what /var/runtime/bootstrap does: runs the wrapper with the runtime's command as arguments.
WRAP = (
    '[ -f "$0" ] || { echo "$0: does not exist" >&2; exit 127; }; '
    '[ -x "$0" ] || { echo "$0: is not an executable" >&2; exit 126; }; exec "$0" "$@"'
)


class Sandbox(NamedTuple):
    """How to start a runtime on this machine."""

    prefix: tuple[str, ...]
    read_only: bool

    def command(self, command: tuple[str, ...], wrapper: str = "") -> list[str]:
        """Return the command line that starts ``command`` in the sandbox.

        ``wrapper`` is the value of ``AWS_LAMBDA_EXEC_WRAPPER``.
        """
        wrap = ("sh", "-c", WRAP, wrapper) if wrapper else ()
        return [*self.prefix, *wrap, *command]


def no_sandbox() -> Sandbox:
    """Return a sandbox without mounts. The runtime ends with this process, if ``setpriv`` works."""
    return Sandbox(DIE_WITH_PARENT if works((*DIE_WITH_PARENT, "true")) else (), read_only=False)


def find_sandbox(task_root: Path, layers: tuple[Path, ...] = ()) -> Sandbox:
    """Return the best sandbox that works on this machine, found by trying each.

    A file of a later layer hides a file of the same name in an earlier layer.

    Raises:
        ConfigurationError: there are layers, and this machine allows no mounts.
    """
    script, layer_dirs = REMOUNT, tuple[str, ...]()
    if layers:
        script, layer_dirs = MOUNT_LAYERS, (":".join(map(str, reversed(layers))),)
    if shutil.which("unshare") and shutil.which("mount"):
        for die_with_parent, namespace in product((DIE_WITH_PARENT, ()), NAMESPACES):
            # setpriv comes last: entering a user namespace would clear its setting
            root = str(task_root)
            mounts = ("unshare", *namespace, "sh", "-c", script, root, *layer_dirs)
            prefix = (*mounts, *die_with_parent)
            if works((*prefix, "sh", "-c", "! [ -w . ]")):
                return Sandbox(prefix, read_only=True)
    if layers:
        raise ConfigurationError(
            "--layer needs a Linux that allows mounts (as root, or in a user namespace): this "
            "machine does not. Install the layer's content in the folder of the app instead."
        )
    return no_sandbox()


def works(command: tuple[str, ...]) -> bool:
    """Whether the command exists and succeeds."""
    if shutil.which(command[0]) is None:
        return False
    try:
        return subprocess.run(command, capture_output=True, timeout=5, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
