"""The fault table: the data of the tests and of `docs/behaviour.md`."""

from __future__ import annotations

from .connections import CONNECTIONS
from .events import EVENTS
from .libraries import LIBRARIES
from .processes import PROCESSES
from .refusals import REFUSALS
from .wrappers import WRAPPERS

SECTIONS = {
    "connections": CONNECTIONS,
    "refusals": REFUSALS,
    "events": EVENTS,
    "processes": PROCESSES,
    "libraries": LIBRARIES,
    "wrappers": WRAPPERS,
}
ROWS = [row for rows in SECTIONS.values() for row in rows]
