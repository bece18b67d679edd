"""The chunks of a response between the Runtime API and a front end."""

from __future__ import annotations

import anyio
import pytest
from anyio import wait_all_tasks_blocked

from adapter.emulator.response_body import MAX_WAITING, ResponseBody

pytestmark = pytest.mark.anyio


async def test_the_reader_gets_all_chunks_in_order_and_then_the_end() -> None:
    body = ResponseBody()
    async with anyio.create_task_group() as tasks:

        async def write() -> None:
            for number in range(10):
                await body.put(b"%d" % number)
            body.end()

        tasks.start_soon(write)
        assert [chunk async for chunk in body] == [b"%d" % number for number in range(10)]


async def test_the_reader_waits_for_the_first_chunk() -> None:
    body, read = ResponseBody(), list[bytes]()
    async with anyio.create_task_group() as tasks:

        async def reads() -> None:
            read.extend([chunk async for chunk in body])

        tasks.start_soon(reads)
        await wait_all_tasks_blocked()
        await body.put(b"x")
        body.end()
    assert read == [b"x"]


async def test_the_writer_waits_for_a_slow_reader() -> None:
    body, written = ResponseBody(), list[int]()
    async with anyio.create_task_group() as tasks:

        async def write() -> None:
            for number in range(MAX_WAITING + 2):
                await body.put(b"x")
                written.append(number)

        tasks.start_soon(write)
        await wait_all_tasks_blocked()
        assert len(written) == MAX_WAITING
        await anext(body)
        await wait_all_tasks_blocked()
        assert len(written) == MAX_WAITING + 1
        body.close()
    assert len(written) == MAX_WAITING + 2


async def test_a_chunk_that_waits_for_room_at_the_end_is_discarded() -> None:
    body = ResponseBody()
    async with anyio.create_task_group() as tasks:
        for _ in range(MAX_WAITING):
            await body.put(b"x")
        tasks.start_soon(body.put, b"late")
        await wait_all_tasks_blocked()
        body.end()
        assert [chunk async for chunk in body] == [b"x"] * MAX_WAITING
    assert [chunk async for chunk in body] == []


async def test_a_closed_body_has_no_chunks() -> None:
    async with ResponseBody() as body:
        await body.put(b"x")
    await body.put(b"y")
    assert [chunk async for chunk in body] == []
