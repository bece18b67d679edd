"""The peak memory of a process."""

from __future__ import annotations

import re
from pathlib import Path


def peak_memory_mb(pid: int) -> int | None:
    """Return the peak resident size of a running process in MB; ``None`` without ``/proc``."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return -(-int(found.group(1)) // 1024) if found else None
