from django.core.exceptions import BadRequest
from django.http import HttpRequest


def number(request: HttpRequest, name: str, default: float, least: float, most: float) -> float:
    """Read a number from the query.

    Raises:
        BadRequest: it is none, or out of bounds; Django answers with a 400.
    """
    try:
        value = float(request.GET.get(name, default))
    except ValueError:
        raise BadRequest(f"{name} must be a number") from None
    if not least <= value <= most:
        raise BadRequest(f"{name} must be between {least} and {most}")
    return value


def delay(request: HttpRequest, default: float) -> float:
    """Seconds between two parts of an answer. Real parts take their time; `?delay=0` takes it."""
    return number(request, "delay", default, 0, 10)
