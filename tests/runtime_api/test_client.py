from __future__ import annotations

import os
import signal
import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from adapter.errors import RuntimeApiError
from adapter.runtime_api.client import MAX_BROKEN_EVENTS, BlockingClient
from adapter.runtime_api.wire import ProtocolError
from tests.support.fake_runtime_api import NEXT, Peer, event_reply, reply, response_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RESPONSE = "id-1/response", {"Content-Type": "application/json"}, b'"fine"'


@contextmanager
def platform(*connections: Callable[[Peer], object]) -> Iterator[BlockingClient]:
    """Run one function for each connection of the client, and close the connection after it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for play in connections:
                peer = Peer(listener.accept()[0])
                play(peer)
                peer.close()

        thread = threading.Thread(target=serve)
        thread.start()
        client = BlockingClient(f"127.0.0.1:{listener.getsockname()[1]}")
        yield client
        thread.join()
        client.close()


def event(peer: Peer) -> None:
    assert peer.read().call == NEXT
    peer.send(event_reply({"n": 1}))


def silence(peer: Peer) -> None:
    """End the connection without a reply to the next request."""
    peer.read()


def half_an_event(peer: Peer) -> None:
    assert peer.read().call == NEXT
    peer.send(event_reply({"n": 1})[:-3])


def accepted(peer: Peer) -> None:
    assert peer.read().call == response_of("id-1")
    peer.send(reply(202))


def sends(data: bytes) -> Callable[[Peer], None]:
    def play(peer: Peer) -> None:
        peer.read()
        peer.send(data)

    return play


def replies(status: int, body: bytes = b"") -> Callable[[Peer], None]:
    return sends(reply(status, body))


def in_turn(*plays: Callable[[Peer], object]) -> Callable[[Peer], None]:
    def play(peer: Peer) -> None:
        for each in plays:
            each(peer)

    return play


def test_events_and_outcomes_share_one_connection() -> None:
    with platform(in_turn(event, accepted, event)) as client:
        assert client.next().body == b'{"n": 1}'
        client.post(*RESPONSE)
        assert client.next().headers["lambda-runtime-aws-request-id"] == "id-1"


def test_a_large_event_arrives_whole() -> None:
    body = b'"' + b"a" * (1 << 20) + b'"'
    with platform(sends(event_reply(body))) as client:
        assert client.next().body == body


def test_a_stale_connection_is_replaced() -> None:
    with platform(in_turn(event), in_turn(accepted, silence), event) as client:
        client.next()
        client.post(*RESPONSE)
        assert client.next().body == b'{"n": 1}'


def test_a_connection_that_the_platform_closes_after_a_reply_is_not_used_again() -> None:
    closing = event_reply({"n": 1}, Connection="close")
    with platform(sends(closing), event) as client:
        client.next()
        assert client.next().body == b'{"n": 1}'


def test_an_event_that_breaks_is_asked_for_again() -> None:
    with platform(half_an_event, half_an_event, event) as client:
        assert client.next().body == b'{"n": 1}'


def test_but_not_without_end() -> None:
    with (
        platform(*[half_an_event] * MAX_BROKEN_EVENTS) as client,
        pytest.raises(ConnectionResetError, match="in the middle of each event"),
    ):
        client.next()


def test_a_new_connection_without_a_reply_is_an_error() -> None:
    with platform(silence) as client, pytest.raises(ConnectionResetError):
        client.next()


def test_a_refused_request_for_an_event_is_an_error() -> None:
    with (
        platform(replies(500, b"no")) as client,
        pytest.raises(RuntimeApiError, match=r"next.* 500.*no"),
    ):
        client.next()


def test_a_refused_outcome_is_an_error() -> None:
    with (
        platform(replies(413)) as client,
        pytest.raises(RuntimeApiError, match=r"id-1/response.* 413"),
    ):
        client.post(*RESPONSE)


def test_a_403_for_an_outcome_that_was_sent_again_means_that_the_first_was_accepted() -> None:
    with platform(in_turn(event, silence), replies(403)) as client:
        client.next()
        client.post(*RESPONSE)


def test_a_403_for_an_outcome_that_was_sent_once_is_an_error() -> None:
    with platform(in_turn(event, replies(403))) as client:
        client.next()
        with pytest.raises(RuntimeApiError, match="403"):
            client.post(*RESPONSE)


def test_a_reply_that_breaks_leaves_an_outcome_unknown() -> None:
    def half(peer: Peer) -> None:
        peer.read()
        peer.send(reply(202, b"OK")[:-1])

    with platform(half) as client, pytest.raises(ConnectionResetError, match="of the reply"):
        client.post(*RESPONSE)


def test_a_reply_that_is_not_HTTP_is_an_error_and_ends_the_connection() -> None:
    with platform(sends(b"no\r\n\r\n"), event) as client:
        with pytest.raises(ProtocolError):
            client.next()
        assert client.next().body == b'{"n": 1}'


def test_a_default_timeout_of_the_app_does_not_end_the_wait() -> None:
    released = threading.Event()

    def late(peer: Peer) -> None:
        peer.read()
        released.wait(5)
        peer.send(event_reply({"n": 1}))

    try:
        with platform(late) as client:
            socket.setdefaulttimeout(0.01)
            threading.Timer(0.1, released.set).start()
            assert client.next().body == b'{"n": 1}'
    finally:
        socket.setdefaulttimeout(None)


def test_a_signal_handler_that_raises_ends_the_wait_and_the_connection() -> None:
    def interrupt(peer: Peer) -> None:
        peer.read()
        os.kill(os.getpid(), signal.SIGUSR1)
        assert peer.socket.recv(1) == b""

    def handle(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        with platform(interrupt, event) as client:
            with pytest.raises(KeyboardInterrupt):
                client.next()
            assert client.next().body == b'{"n": 1}'
    finally:
        signal.signal(signal.SIGUSR1, before)


LARGE = "id-1/response", {"Content-Type": "application/json"}, b"7" * (7 << 20)


def test_a_refusal_in_the_middle_of_a_large_outcome_is_read_at_once() -> None:
    def refuse(peer: Peer) -> None:
        peer.head()
        peer.reply(413, b"large")
        peer.wait_closed()  # the client stops

    with platform(in_turn(event, refuse)) as client:
        client.next()
        with pytest.raises(RuntimeApiError, match="413: large"):
            client.post(*LARGE)


def test_a_large_outcome_arrives_whole() -> None:
    def accept(peer: Peer) -> None:
        assert peer.read().body == LARGE[2]
        peer.reply(202)

    with platform(in_turn(event, accept, event)) as client:
        client.next()
        client.post(*LARGE)
        assert client.next().body == b'{"n": 1}'


@pytest.mark.parametrize("status", [200, 202, 204])
def test_an_outcome_that_gets_any_2xx_is_accepted(status: int) -> None:
    with platform(replies(status)) as client:
        client.post(*RESPONSE)


def test_a_connection_whose_descriptor_the_app_has_closed_is_replaced() -> None:
    def close(peer: Peer) -> None:
        peer.wait_closed()

    with platform(in_turn(event, close), accepted) as client:
        client.next()
        assert client._socket is not None
        os.close(client._socket.fileno())
        client.post(*RESPONSE)


def test_so_is_one_whose_descriptor_the_app_closes_in_the_middle_of_an_event() -> None:
    whole = event_reply({"n": 1})

    def close(peer: Peer) -> None:
        assert peer.read().call == NEXT
        peer.send(whole[:-3])
        while not client._reader.begun:
            time.sleep(0.001)
        assert client._socket is not None
        os.close(client._socket.fileno())
        with suppress(OSError):
            peer.send(whole[-3:-1])  # the client may still wait for this

    with platform(close, event) as client:
        assert client.next().body == b'{"n": 1}'
