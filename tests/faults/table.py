"""The fault table: the data of the tests and of `docs/behaviour.md`."""

from __future__ import annotations

from .connections import CONNECTIONS
from .events import EVENTS
from .libraries import LIBRARIES
from .processes import PROCESSES
from .refusals import REFUSALS

SECTIONS = {
    "connections": CONNECTIONS,
    "refusals": REFUSALS,
    "events": EVENTS,
    "processes": PROCESSES,
    "libraries": LIBRARIES,
}
ROWS = [row for rows in SECTIONS.values() for row in rows]
