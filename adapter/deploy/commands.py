"""The commands by their names."""

from __future__ import annotations

from . import command, destroy, logs

COMMANDS = {"deploy": command.main, "destroy": destroy.main, "logs": logs.main}
