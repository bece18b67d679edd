from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from adapter.asgi.scope import http_scope
from adapter.types import ASGI, Request

if TYPE_CHECKING:
    from starlette.requests import Request as StarletteRequest
    from starlette.responses import Response

    from adapter.types import Message, Scope

REQUEST = Request(
    method="GET",
    scheme="https",
    http_version="1.1",
    path="/sub/items/7",
    raw_path=b"/sub/items/7",
    query_string=b"a=1",
    root_path="",
    headers=[(b"host", b"example.com")],
    body=b"",
    client=("198.51.100.23", 0),
    server=("example.com", 443),
)


def scope_of(path: str, *, root_path: str = "", base_path: str = "") -> Scope:
    request = REQUEST._replace(path=path, raw_path=path.encode(), root_path=root_path)
    return http_scope(request, event={}, context=None, base_path=base_path)


class TestKeys:
    def test_are_those_of_the_specification_and_mangums_two(self) -> None:
        event, context = {"version": "2.0"}, None
        assert http_scope(REQUEST, event={**event}, context=context) == {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "https",
            "path": "/sub/items/7",
            "raw_path": b"/sub/items/7",
            "query_string": b"a=1",
            "root_path": "",
            "headers": [(b"host", b"example.com")],
            "client": ("198.51.100.23", 0),
            "server": ("example.com", 443),
            "extensions": {},
            "aws.event": {"version": "2.0"},
            "aws.context": None,
        }

    def test_give_the_event_itself_because_an_app_may_look_for_what_we_left_out(self) -> None:
        event: dict[str, Any] = {"requestContext": {"authorizer": {"jwt": {}}}}
        assert http_scope(REQUEST, event=event, context=None)["aws.event"] is event

    def test_say_2_4_because_below_it_starlette_cuts_streams_at_the_first_disconnect(self) -> None:
        major, minor = map(int, ASGI["spec_version"].split("."))
        assert (major, minor) >= (2, 4)

    def test_advertise_no_extension_because_none_is_implemented(self) -> None:
        assert scope_of("/")["extensions"] == {}

    def test_are_fresh_for_every_request_because_apps_write_into_them(self) -> None:
        first, second = scope_of("/"), scope_of("/")
        first["asgi"]["version"] = first["extensions"]["x"] = "changed"
        assert second == scope_of("/")
        assert ASGI["version"] == "3.0"


class TestState:
    def test_is_a_copy_so_that_what_one_request_puts_there_no_other_one_sees(self) -> None:
        state = {"database": object()}
        scope = http_scope(REQUEST, event={}, context=None, state=state)
        scope["state"]["user"] = "me"
        assert scope["state"]["database"] is state["database"]
        assert "user" not in state

    def test_is_there_even_if_it_is_empty_because_the_app_has_a_lifespan(self) -> None:
        assert http_scope(REQUEST, event={}, context=None, state={})["state"] == {}

    def test_is_absent_where_the_app_has_no_lifespan(self) -> None:
        assert "state" not in http_scope(REQUEST, event={}, context=None)


# path of the request, stage, base_path; path and root_path of the scope
ROOTS = [
    pytest.param("/items", "", "", "/items", "", id="nothing in front"),
    pytest.param("/", "", "", "/", "", id="the root"),
    pytest.param("/api/items", "", "/api", "/api/items", "/api", id="a base path"),
    pytest.param("/api", "", "/api", "/api/", "/api", id="all of it: what is left is the root"),
    pytest.param("/api/", "", "/api", "/api/", "/api", id="all of it but a slash"),
    pytest.param("/apifoo", "", "/api", "/apifoo", "", id="only at the boundary of a segment"),
    pytest.param("/api/api/x", "", "/api", "/api/api/x", "/api", id="once"),
    pytest.param("/other", "", "/api", "/other", "", id="another path, called directly"),
    pytest.param("/prod/items", "/prod", "", "/prod/items", "/prod", id="a stage"),
    pytest.param("/prod", "/prod", "", "/prod/", "/prod", id="all of it is the stage"),
    pytest.param("/prod/api/x", "/prod", "/api", "/prod/api/x", "/prod/api", id="stage, then base"),
    pytest.param("/prod/api", "/prod", "/api", "/prod/api/", "/prod/api", id="both, and no more"),
    pytest.param("/prod/x", "/prod", "/api", "/prod/x", "/prod", id="a stage without the base"),
    pytest.param("/a/b/c", "", "/a/b", "/a/b/c", "/a/b", id="a base path of two segments"),
]


class TestMapping:
    """API Gateway may take the mapping of a custom domain off the path: the client had it."""

    @pytest.mark.parametrize(
        ("sent", "base_path", "path", "root_path"),
        [
            pytest.param("/items", "/shop", "/shop/items", "/shop", id="put back"),
            pytest.param("/shop/items", "/shop", "/shop/items", "/shop", id="still there"),
            pytest.param("/items", "", "/items", "", id="nobody says what it was"),
        ],
    )
    def test_is_put_back_where_the_base_path_says_what_it_was(
        self, sent: str, base_path: str, path: str, root_path: str
    ) -> None:
        request = REQUEST._replace(path=sent, raw_path=sent.encode(), mapped=True)
        scope = http_scope(request, event={}, context=None, base_path=base_path)
        assert (scope["path"], scope["root_path"]) == (path, root_path)
        assert scope["raw_path"] == path.encode()


class TestRootPath:
    @pytest.mark.parametrize(("sent", "stage", "base_path", "path", "root_path"), ROOTS)
    def test_is_what_stands_in_front_of_the_app_and_path_begins_with_it(
        self, sent: str, stage: str, base_path: str, path: str, root_path: str
    ) -> None:
        scope = scope_of(sent, root_path=stage, base_path=base_path)
        assert (scope["path"], scope["root_path"]) == (path, root_path)
        assert scope["path"].startswith(f"{root_path}/")

    def test_leaves_raw_path_as_it_was_sent(self) -> None:
        assert scope_of("/api", base_path="/api")["raw_path"] == b"/api"


def seen(request: StarletteRequest) -> Response:
    """Respond with what the app saw of the request."""
    item = request.path_params["item"]
    return PlainTextResponse(f"{item} {request.url_for('sub:item', item='8')} {request.url}")


STARLETTE = Starlette(
    routes=[Mount("/sub", name="sub", routes=[Route("/{item}", seen, name="item")])]
)


async def response(scope: Scope) -> tuple[int, str]:
    """What Starlette responds."""
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        messages.append(message)

    await STARLETTE(scope, receive, send)
    start, *bodies = messages
    return start["status"], b"".join(body["body"] for body in bodies).decode()


@pytest.mark.anyio
class TestStarlette:
    @pytest.mark.parametrize(
        ("path", "stage", "base_path", "prefix"),
        [
            ("/sub/7", "", "", ""),
            ("/api/sub/7", "", "/api", "/api"),
            ("/prod/sub/7", "/prod", "", "/prod"),
            ("/prod/api/sub/7", "/prod", "/api", "/prod/api"),
            ("/sub/sub/7", "", "/sub", "/sub"),
        ],
    )
    async def test_finds_mounts_below_the_root_path_and_makes_urls_with_it(
        self, path: str, stage: str, base_path: str, prefix: str
    ) -> None:
        status, body = await response(scope_of(path, root_path=stage, base_path=base_path))
        root = f"https://example.com{prefix}"
        assert (status, body) == (200, f"7 {root}/sub/8 {root}/sub/7?a=1")

    async def test_does_not_take_a_longer_name_for_the_root_path(self) -> None:
        status, _ = await response(scope_of("/apisub/7", base_path="/api"))
        assert status == 404


class TestDjango:
    @pytest.mark.parametrize(("sent", "stage", "base_path", "path", "root_path"), ROOTS)
    def test_routes_by_what_follows_the_root_path_and_keeps_the_whole_for_urls(
        self, sent: str, stage: str, base_path: str, path: str, root_path: str
    ) -> None:
        if not settings.configured:
            settings.configure()
        scope = scope_of(sent, root_path=stage, base_path=base_path)
        request = ASGIRequest(scope, BytesIO())
        assert request.path == path
        assert request.path_info == path.removeprefix(root_path)
        assert request.path_info.startswith("/")
