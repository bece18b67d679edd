from django.core.management import call_command
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Make what cannot be made on Lambda, where this folder is read-only."
    requires_system_checks = ()

    def handle(self, *args: object, **options: object) -> None:
        call_command("seed")
        call_command("collectstatic", interactive=False, verbosity=0)
