from __future__ import annotations

import io

import anyio
import pytest

from adapter.emulator.console import MAX_LINE_BYTES, Console, forward


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_lines_are_coloured_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        Console(stream).line("text", "error")
        Console(stream).line("plain")
    assert terminal.getvalue() == "\x1b[31mtext\x1b[0m\nplain\n"
    assert file.getvalue() == "text\nplain\n"
    monkeypatch.setenv("NO_COLOR", "1")
    Console(terminal := Terminal()).line("text", "error")
    assert terminal.getvalue() == "text\n"


def test_a_closed_terminal_is_no_error() -> None:
    Console(Gone()).line("text")


@pytest.mark.anyio
async def test_output_is_forwarded_in_whole_lines() -> None:
    out = io.StringIO()
    sink, source = anyio.create_memory_object_stream[bytes](10)
    async with sink, source:
        for piece in (b"one\r\nt", b"wo\n\nthree", b" and \xc3", b"\xa9 end"):
            await sink.send(piece)
        await sink.aclose()
        await forward(Source(source), Console(out).line)
    assert out.getvalue() == "one\ntwo\n\nthree and é end\n"


@pytest.mark.anyio
async def test_a_line_without_end_is_cut() -> None:
    out = io.StringIO()
    sink, source = anyio.create_memory_object_stream[bytes](10)
    async with sink, source:
        await sink.send(b"x" * (MAX_LINE_BYTES + 1))
        await sink.aclose()
        await forward(Source(source), Console(out).line)
    assert out.getvalue() == "x" * (MAX_LINE_BYTES + 1) + "\n"


class Source(anyio.abc.ByteReceiveStream):
    """Makes a byte stream of a stream of byte strings."""

    def __init__(self, items: anyio.abc.ObjectReceiveStream[bytes]) -> None:
        self._items = items

    async def receive(self, max_bytes: int = 65536) -> bytes:
        return await self._items.receive()

    async def aclose(self) -> None:
        await self._items.aclose()


def test_characters_that_the_terminal_cannot_show_are_escaped() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    Console(stream).line("é \udcff")
    assert raw.getvalue() == b"\\xe9 \\udcff\n"
