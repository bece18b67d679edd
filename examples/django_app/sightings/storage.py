from django.contrib.staticfiles.storage import ManifestStaticFilesStorage
from django.urls import get_script_prefix


class StaticFilesStorage(ManifestStaticFilesStorage):
    """Links to static files below what stands in front of this request's path, as `{% url %}` does.

    Django looks at that prefix only once, before any request. Behind a REST API it is the stage;
    behind a domain of one's own that leads to the same API it is something else, or nothing.
    """

    @property
    def base_url(self) -> str:
        return f"{get_script_prefix()}static/"
