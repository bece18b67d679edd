from django.apps import AppConfig
from django.conf import settings
from django.contrib.auth.signals import user_logged_in


class SightingsConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "sightings"
    verbose_name = "Bird observatory"

    def ready(self) -> None:
        if settings.DATABASE_IS_READ_ONLY:
            # A login would write its time into the row of the user.
            user_logged_in.disconnect(dispatch_uid="update_last_login")
