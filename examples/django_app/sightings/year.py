"""An invented year at the observatory: birds, places, times and observers."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, NamedTuple

from .models import Place

SIGHTINGS = 50_000
YEAR = 2025


class Kind(NamedTuple):
    name: str
    latin: str
    year: str  # how common it is in each month, 0 to 9
    flock: float  # how many are together, as a rule
    places: tuple[Any, ...]  # of `Place`


SEA = (Place.ROCK, Place.HARBOUR, Place.NORTH_BEACH)
SHORE = (Place.NORTH_BEACH, Place.MARSH, Place.HARBOUR)
MARSH = (Place.MARSH, Place.DUNES)
LAND = (Place.GARDEN, Place.DUNES)

SPECIES = [
    Kind("Arctic Tern", "Sterna paradisaea", "000169952000", 14, SEA),
    Kind("Barnacle Goose", "Branta leucopsis", "864200004997", 60, MARSH),
    Kind("Brent Goose", "Branta bernicla", "754410002776", 40, MARSH),
    Kind("Common Eider", "Somateria mollissima", "765543345667", 18, SEA),
    Kind("Common Starling", "Sturnus vulgaris", "444332235965", 70, LAND),
    Kind("Curlew", "Numenius arquata", "665421477666", 6, MARSH),
    Kind("Dunlin", "Calidris alpina", "444641269854", 45, SHORE),
    Kind("Eurasian Wren", "Troglodytes troglodytes", "334454334443", 1, LAND),
    Kind("European Robin", "Erithacus rubecula", "334753236975", 2, LAND),
    Kind("Goldcrest", "Regulus regulus", "112511015951", 4, LAND),
    Kind("Northern Gannet", "Morus bassanus", "123567788741", 9, SEA),
    Kind("Northern Wheatear", "Oenanthe oenanthe", "002983259300", 2, LAND),
    Kind("Oystercatcher", "Haematopus ostralegus", "567877888765", 8, SHORE),
    Kind("Puffin", "Fratercula arctica", "000499810000", 11, SEA),
    Kind("Redwing", "Turdus iliacus", "433500004985", 25, LAND),
    Kind("Ruddy Turnstone", "Arenaria interpres", "556631378765", 7, SHORE),
    Kind("Sanderling", "Calidris alba", "555662278765", 16, SHORE),
    Kind("Short-eared Owl", "Asio flammeus", "332310002454", 1, MARSH),
    Kind("Barn Swallow", "Hirundo rustica", "000378879200", 12, LAND),
    Kind("Whooper Swan", "Cygnus cygnus", "654200000576", 9, MARSH),
]
OBSERVERS = [
    *("Aino Berg", "Callum Reid", "Dora Lindt", "Ewan Flett", "Freya Holm", "Gita Rao"),
    *("Hugo Sand", "Isla Muir", "Jonas Krog", "Katla Dal", "Leif Strand", "Mara Quinn"),
    *("Nuno Faria", "Orla Tait", "Per Vik", "Rosa Klein"),
]

#: How many people observe in each hour, in UTC: most at dawn, and more again before sunset.
HOURS = [0, 0, 0, 0, 2, 6, 9, 9, 8, 6, 5, 4, 3, 3, 4, 5, 6, 6, 4, 2, 1, 0, 0, 0]


def sightings(seed: int) -> Iterator[tuple[datetime, int, str, int, str]]:
    """Return every sighting in the order of time; the same seed makes the same year.

    Each is when, an index into `SPECIES`, where, how many, and who saw them.
    """
    rng = random.Random(seed)
    kinds = range(len(SPECIES))
    weights = [list(accumulate(int(kind.year[month]) for kind in SPECIES)) for month in range(12)]
    for moment in _moments(rng, [table[-1] for table in weights]):
        (kind,) = rng.choices(kinds, cum_weights=weights[moment.month - 1])
        flock = SPECIES[kind].flock
        birds = max(1, round(rng.lognormvariate(0, 0.7) * flock)) if flock > 1 else 1
        yield moment, kind, rng.choice(SPECIES[kind].places), birds, rng.choice(OBSERVERS)


def _moments(rng: random.Random, months: list[int]) -> list[datetime]:
    start = datetime(YEAR, 1, 1, tzinfo=UTC)
    hours = [start + timedelta(hours=hour) for hour in range(365 * 24)]
    busy = accumulate(months[hour.month - 1] * HOURS[hour.hour] for hour in hours)
    chosen = rng.choices(hours, cum_weights=list(busy), k=SIGHTINGS)
    return sorted(hour + timedelta(seconds=int(rng.random() * 3600)) for hour in chosen)
