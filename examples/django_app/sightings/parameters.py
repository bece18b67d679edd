from django.core.exceptions import BadRequest
from django.http import HttpRequest


def number(request: HttpRequest, name: str, default: float, least: float, most: float) -> float:
    """Read a number from the query.

    Raises:
        BadRequest: the value is not a number, or out of bounds; Django responds with a 400.
    """
    try:
        value = float(request.GET.get(name, default))
    except ValueError:
        raise BadRequest(f"{name} must be a number") from None
    if not least <= value <= most:
        raise BadRequest(f"{name} must be between {least} and {most}")
    return value


def delay(request: HttpRequest, default: float) -> float:
    """Seconds between two parts of a response; `?delay=0` removes the pauses."""
    return number(request, "delay", default, 0, 10)
