from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.urls import get_script_prefix


class StaticFilesStorage(ManifestStaticFilesStorage):
    """Links to static files below the prefix of this request's path, as `{% url %}` does.

    Django reads the prefix only once, before any request. Behind a REST API the prefix is the
    stage; behind a custom domain of the same API it is another path, or nothing.
    """

    @property
    def base_url(self) -> str:
        return f"{get_script_prefix()}static/"
