import os
import subprocess
import sys

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = (
        "Make what cannot be made on Lambda, where this folder is read-only: db.sqlite3 and the"
        " static files."
    )
    requires_system_checks = ()

    def handle(self, *args: object, **options: object) -> None:
        # A separate process, without the DATABASE_URL that the shell may have.
        seed = [sys.executable, "manage.py", "seed"]
        environ = {**os.environ, "DATABASE_URL": ""}
        subprocess.run(seed, cwd=settings.BASE_DIR, env=environ, check=True)
        call_command("collectstatic", interactive=False, verbosity=0)
