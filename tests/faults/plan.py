"""What happens to each invocation of a soak: a matter of its number and the seed alone."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from adapter.samples.url_event import function_url_event

ENDS = {
    "well": 80,
    "raises": 4,
    "raises late": 4,
    "returns early": 4,
    "sends nonsense": 4,
    "hangs": 1,
    "hangs late": 1,
}
"""How the app ends, and how often of a hundred times."""

FAULTS = {
    "none": 72,
    "slow": 5,
    "reset": 3,
    "half-close": 3,
    "garbage": 2,
    "refused early": 4,
    "refused": 4,
    "reset after": 4,
    "no event": 3,
}
"""What the platform does, likewise."""

SHORT = 0.4
"""The deadline, in seconds, of an app that hangs; 250 ms before it, it is ended."""


@dataclass(frozen=True)
class Job:
    """One invocation."""

    number: int
    seed: int
    ends: str
    fault: str
    size: int
    chunks: int
    delay: float
    status: int

    @property
    def body(self) -> bytes:
        """All that an app sends that ends well."""
        return Random(f"{self.seed} {self.number} body").randbytes(self.size)

    @property
    def event(self) -> dict[str, Any]:
        """The event that has the app do its part."""
        from json import dumps

        return function_url_event("/soak", method="POST", body=dumps(asdict(self)).encode())

    @property
    def seconds(self) -> float:
        """How long the app may take."""
        return SHORT if self.ends.startswith("hangs") else 60.0


def job(number: int, seed: int) -> Job:
    """Return the invocation with this number."""
    random = Random(f"{seed} {number}")

    def choose(weights: dict[str, int]) -> str:
        return random.choices(list(weights), list(weights.values()))[0]

    return Job(
        number,
        seed,
        choose(ENDS),
        choose(FAULTS),
        size=int(2 ** random.uniform(0, 18)),
        chunks=random.randint(1, 12),
        delay=random.choice((0.0, 0.0, 0.001, 0.005)),
        status=random.choice((400, 403, 410, 413, 500)),
    )
