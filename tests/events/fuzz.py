"""Events that nobody sends, for the property tests: any JSON at each key that is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from adapter.asgi.scope import http_scope
from adapter.errors import EventError

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapter.types import JSON, Event, Request, Scope

JSONS: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
# Among the texts: what JSON can spell but UTF-8 cannot, and what looks like the real thing.
ANY = JSONS | st.sampled_from(
    [
        *("\ud800", "/%\ud800", "/%FF", "YQ==", "HTTP/", "[", "[::1]:99999", "GET", "/x", "1.0"),
        *("2.0", "x", "x/y", "prod/x", "/api", "HTTP/9.9", "HTTP/2.0", "99999", "1.2.3.4:99999"),
    ]
)
MAPS = ANY | st.dictionaries(
    st.text(max_size=5)
    | st.sampled_from(
        ["host", "cookie", "Cookie", "x-forwarded-for", "content-length", "x-forwarded-port"]
    ),
    ANY | st.lists(ANY, max_size=2),
    max_size=3,
)


def objects(**keys: st.SearchStrategy[JSON]) -> st.SearchStrategy[Event]:
    """Objects that may have each of the keys."""
    return st.fixed_dictionaries({}, optional=keys)


def check(event: Event, request: Callable[[Event], Request]) -> None:
    """Any object is a request that can be passed on, or an `EventError`: nothing else is caught."""
    try:
        parsed = request(event)
    except EventError:
        return
    names = [name for name, _ in parsed.headers]
    lengths = [value for name, value in parsed.headers if name == b"content-length"]
    assert lengths in ([], [str(len(parsed.body)).encode()])
    assert lengths or not parsed.body
    assert names.count(b"cookie") <= 1
    for base_path in ("", "/api"):
        check_scope(http_scope(parsed, event=event, context=None, base_path=base_path))


def check_scope(scope: Scope) -> None:
    """The types and values of https://asgi.readthedocs.io/en/latest/specs/www.html."""
    assert scope["http_version"] in ("1.0", "1.1", "2", "3")
    assert scope["method"] == scope["method"].upper() != ""
    assert scope["scheme"] in ("http", "https")
    assert scope["path"].startswith("/")
    assert scope["path"].encode().decode() == scope["path"]
    assert scope["raw_path"].startswith(b"/")
    assert isinstance(scope["query_string"], bytes)
    assert scope["root_path"] == "" or scope["root_path"].startswith("/")
    assert scope["path"].startswith(scope["root_path"])
    for name, value in scope["headers"]:
        assert isinstance(name, bytes)
        assert isinstance(value, bytes)
        assert name == name.lower()
    for address in filter(None, [scope["client"], scope["server"]]):
        host, port = address
        assert isinstance(host, str)
        assert port in range(65536)


#: What may stand in a header, a cookie or a query when a client sends it.
NAMES = st.text("abcXYZ-", min_size=1, max_size=6).map(lambda name: f"x-{name}")
VALUES = st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=8)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=4)
PARAMETERS = st.lists(st.tuples(st.text(max_size=4), st.text(max_size=6)), max_size=4)
