"""Sends the event of a recorded invocation once more, and reads the response."""

from __future__ import annotations

from time import monotonic, time
from typing import TYPE_CHECKING
from uuid import uuid4

from ..front_ends.function_url import plain_head, streamed_head
from ..front_ends.prelude_reader import PRELUDE_CONTENT_TYPE, PreludeReader
from ..front_ends.source_event import child_trace, new_trace_root
from ..front_ends.source_response import InvalidResponseError, ResponseHead
from ..invocation_steps import Responded, Sent
from ..local_invocation import LocalInvocation
from ..outcome import ResponseStart

if TYPE_CHECKING:
    from ..environments.pool import Pool
    from .recorded import RecordedInvocation


def submit_again(record: RecordedInvocation, pool: Pool) -> LocalInvocation:
    """Submit the event of a recorded invocation as a new one."""
    invocation = LocalInvocation(
        record.event,
        request_id=str(uuid4()),
        trace_id=child_trace(new_trace_root(time())),
        client_target=record.client_target,
        client_context=record.client_context,
        tenant_id=record.tenant_id,
        streaming=record.streaming,
    )
    pool.submit(invocation)
    return invocation


async def read_response(invocation: LocalInvocation) -> None:
    """Read the response to its end, and tell the listener each part that a client would get."""
    async with invocation.body:
        start = await invocation.wait_for_start()
        if not isinstance(start, ResponseStart):
            return
        reader = None
        if start.content_type == PRELUDE_CONTENT_TYPE:
            reader = PreludeReader()
        elif invocation.streaming:
            head = plain_head(start.content_type, invocation.request_id, invocation.trace_id)
            respond(invocation, head)
        async for chunk in invocation.body:
            data = chunk
            if reader is not None:
                try:
                    found = reader.feed(chunk)
                    if found is None:
                        continue
                    prelude, data = found
                    head = streamed_head(prelude, invocation.request_id, invocation.trace_id)
                except InvalidResponseError:
                    return
                respond(invocation, head)
                reader = None
            if data:
                invocation.notify(Sent(monotonic(), data))


def respond(invocation: LocalInvocation, head: ResponseHead) -> None:
    """Tell the listener that a client would get the head now."""
    invocation.notify(Responded(monotonic(), head.status, head.headers))
