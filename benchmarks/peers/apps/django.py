"""A Django project in one file that returns a little JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import JsonResponse
from django.urls import path

if TYPE_CHECKING:
    from django.http import HttpRequest

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="benchmark")


async def bench(request: HttpRequest) -> JsonResponse:
    """Return the sum of two query parameters."""
    return JsonResponse({"sum": int(request.GET["a"]) + int(request.GET["b"])})


urlpatterns = [path("bench", bench)]
app = get_asgi_application()
