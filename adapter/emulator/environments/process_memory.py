"""The memory of a process and its descendants, as Linux counts it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1024 * 1024
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def peak_memory_mb(pid: int) -> int | None:
    """Return the peak resident size of a running process in MB; ``None`` without ``/proc``."""
    found = re.search(r"VmHWM:\s+(\d+) kB", read(f"/proc/{pid}/status"))
    return -(-int(found.group(1)) // 1024) if found else None


def uses_more_than(pid: int, limit_mb: int) -> bool:
    """Whether a process and its descendants have more memory than the limit.

    Pages that several of them share are counted once.
    """
    limit_bytes = limit_mb * MIB
    processes = list(process_tree(pid))
    if sum(map(resident_bytes, processes)) <= limit_bytes:  # cheap; overcounts shared pages
        return False
    return sum(map(proportional_bytes, processes)) > limit_bytes


def process_tree(pid: int) -> Iterator[int]:
    """Yield a process and its descendants, as far as ``/proc`` shows them."""
    yield pid
    tasks = f"/proc/{pid}/task"
    try:
        threads = os.listdir(tasks)
    except OSError:  # it has ended
        return
    for thread in threads:
        for child in read(f"{tasks}/{thread}/children").split():
            yield from process_tree(int(child))


def resident_bytes(pid: int) -> int:
    """Return the resident size of a process; 0 if it has ended."""
    fields = read(f"/proc/{pid}/statm").split()
    return int(fields[1]) * PAGE_BYTES if fields else 0


def proportional_bytes(pid: int) -> int:
    """Return the resident size of a process, with its share of shared pages."""
    found = re.search(r"^Pss:\s+(\d+) kB", read(f"/proc/{pid}/smaps_rollup"), re.MULTILINE)
    return int(found[1]) * 1024 if found else resident_bytes(pid)


def read(path: str) -> str:
    """Return a file of ``/proc``; empty if its process has ended, or on another system."""
    try:
        with open(path, "rb", buffering=0) as file:  # as text it takes twice the time
            return file.read().decode()
    except OSError:
        return ""
