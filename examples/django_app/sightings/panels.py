"""The panels of the dashboard, each a query. Their HTML is in templates."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Sum
from django.db.models.functions import ExtractMonth

from .models import Sighting, Species

Context = dict[str, Any]

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@dataclass(frozen=True)
class Panel:
    slot: str
    title: str
    query: Callable[[], Context]
    slowness: float  # these queries are quick; the ones of a real dashboard are not
    width: str = ""


def calendar() -> Context:
    """For each species and month: how many birds, and how that compares with its best month."""
    counts: dict[str, list[int]] = {}
    months = Sighting.objects.order_by().annotate(month=ExtractMonth("seen_at"))
    for name, month, birds in months.values_list("species__name", "month").annotate(Sum("birds")):
        counts.setdefault(name, [0] * 12)[month - 1] = birds
    rows = [
        (name, [(birds, round(birds / max(year), 2)) for birds in year])
        for name, year in counts.items()
    ]
    return {"months": MONTHS, "rows": sorted(rows, key=_middle_of_its_year)}


def _middle_of_its_year(row: tuple[str, list[tuple[int, float]]]) -> float:
    """Sort winter guests first, then those of spring, summer and autumn."""
    return max(range(12), key=lambda month: row[1][month][0])


def species() -> Context:
    best = list(
        Species.objects.annotate(birds=Sum("sightings__birds"), times=Count("sightings"))
        .order_by("-birds")
        .values("name", "latin", "birds", "times")[:7]
    )
    return {"best": best, "most": best[0]["birds"]}


def latest() -> Context:
    return {"sightings": Sighting.objects.select_related("species").order_by("-id")[:7]}


PANELS = [
    Panel("calendar", "Who passes when", calendar, slowness=1.0, width="wide"),
    Panel("species", "Most counted", species, slowness=0.2),
    Panel("latest", "Latest sightings", latest, slowness=0.6),
]
