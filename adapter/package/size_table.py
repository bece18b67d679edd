"""What the zip is made of, and whether Lambda takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .archive import Size
from .owners import source_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MB = 1024 * 1024

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_ZIPPED = 50 * MB
MAX_UNZIPPED = 250 * MB

YOURS = "your project"


def by_owner(sizes: Mapping[str, Size], owners: Mapping[str, str]) -> dict[str, Size]:
    """Add up the sizes of the files of each distribution, biggest first."""
    totals: dict[str, Size] = {}
    for name, size in sizes.items():
        owner = owners.get(source_of(name), YOURS)
        totals[owner] = totals.get(owner, Size()) + size
    ordered = sorted(totals.items(), key=lambda item: (-item[1].unzipped, item[0]))
    return dict(ordered)


def total(sizes: Mapping[str, Size]) -> Size:
    """Add up sizes."""
    return Size(sum(s.zipped for s in sizes.values()), sum(s.unzipped for s in sizes.values()))


def table(owned: Mapping[str, Size]) -> Iterator[str]:
    """Return the lines of the table that people see."""
    rows = {**owned, "total": total(owned)}
    width = max(map(len, rows))
    yield f"{'':{width}}  {'zipped':>9}  {'unzipped':>9}"
    for name, size in rows.items():
        yield f"{name:{width}}  {mb(size.zipped)}  {mb(size.unzipped)}"


def mb(size: int) -> str:
    """Write a size the way Lambda counts it."""
    return f"{size / MB:6.2f} MB"


def warnings(size: Size) -> Iterator[str]:
    """Say what Lambda will not take."""
    if size.unzipped > MAX_UNZIPPED:
        yield (
            f"{mb(size.unzipped).strip()} unzipped is over the 250 MB that a function may have, "
            "layers included: AWS will refuse it. Leave something out, or deploy it as a "
            "container image (10 GB)."
        )
    if size.zipped > MAX_ZIPPED:
        yield (
            f"{mb(size.zipped).strip()} zipped is over the 50 MB that can be uploaded to Lambda "
            "directly: put it into an S3 bucket and name the object."
        )
