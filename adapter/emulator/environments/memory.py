"""How much memory a process has used at most."""

from __future__ import annotations

import re
from pathlib import Path


def peak_memory(pid: int) -> int | None:
    """Return the peak resident size of a living process in MB; ``None`` where nobody knows."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return -(-int(found.group(1)) // 1024) if found else None
