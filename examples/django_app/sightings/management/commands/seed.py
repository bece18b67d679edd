import sqlite3
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import django
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from sightings.models import Sighting, Species
from sightings.year import SIGHTINGS, SPECIES, sightings

SEED = 1
#: The version of the file, in SQLite's `user_version`: raise it when rows or tables change. Some
#: tables, and the format of passwords, belong to Django, so its version is a part of it.
VERSION = 1_000_000 + 1_000 * django.VERSION[0] + django.VERSION[1]
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class Command(BaseCommand):
    help = (
        "Build db.sqlite3, a year of sightings; or fill the database of DATABASE_URL. What is"
        " there already stays. The same Python, Django and SQLite make the same bytes."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--file", type=Path, default=settings.DATABASE_FILE, help="default: %(default)s"
        )

    def handle(self, *args: object, file: Path, **options: object) -> None:
        began = time.perf_counter()
        if not settings.DATABASE_IS_READ_ONLY:
            call_command("migrate", verbosity=0)
            if not Species.objects.exists():
                fill()
            return
        if version(file) == VERSION:
            return
        build(file)
        print(
            f"{file.name}: {SIGHTINGS:,} sightings,"
            f" {file.stat().st_size / 1e6:.1f} MB, {time.perf_counter() - began:.1f} s",
            file=sys.stderr,
        )


def version(file: Path) -> int:
    if not file.exists():
        return 0
    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as database:
        number: int = database.execute("PRAGMA user_version").fetchone()[0]
        return number


def build(file: Path) -> None:
    """Write the whole file. If this is interrupted, only the unfinished file is lost."""
    unfinished = file.with_suffix(".part.sqlite3")
    unfinished.unlink(missing_ok=True)
    usual = dict(connection.settings_dict)
    quick = "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF"
    connection.settings_dict.update(NAME=unfinished, OPTIONS={"init_command": quick})
    try:
        call_command("migrate", verbosity=0)
        fill()
        MigrationRecorder.Migration.objects.update(applied=EPOCH)
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA user_version = {VERSION}")
            cursor.execute("VACUUM")  # removes the overwritten data
    finally:
        connection.close()
        connection.settings_dict.update(usual)
    unfinished.replace(file)


@transaction.atomic
def fill() -> None:
    """Write all rows: the birds, and a user who may look at them in the admin."""
    species = Species.objects.bulk_create(Species(name=s.name, latin=s.latin) for s in SPECIES)
    Sighting.objects.bulk_create(
        (
            Sighting(seen_at=seen_at, species=species[kind], place=place, birds=n, observer=who)
            for seen_at, kind, place, n, who in sightings(SEED)
        ),
        batch_size=2_000,
    )
    demo = User.objects.create(
        username="demo",
        # A known password needs no secret salt, and so the file is the same each time.
        password=make_password("demo", salt="a-salt-for-somebody-everybody-knows"),
        is_staff=True,
        date_joined=EPOCH,
    )
    may_look = Permission.objects.filter(
        content_type__app_label="sightings", codename__startswith="view_"
    )
    demo.user_permissions.set(may_look)
