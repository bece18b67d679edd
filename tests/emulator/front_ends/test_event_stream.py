"""The framing is AWS's own: its vectors, and botocore's reader."""

from __future__ import annotations

from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from adapter.emulator.front_ends.event_stream import message

HI = (
    "0000006c0000005ab25efdcf0d3a6d6573736167652d747970650700056576656e740b3a6576656e742d7479706507"
    "000c5061796c6f61644368756e6b0d3a636f6e74656e742d747970650700186170706c69636174696f6e2f6f637465"
    "742d73747265616d6869314138e4"
)


def test_a_message_is_framed_as_aws_frames_it() -> None:
    assert message("PayloadChunk", "application/octet-stream", b"hi").hex() == HI


@given(st.lists(st.binary(max_size=100), max_size=5))
def test_botocore_reads_back_what_was_written(payloads: list[bytes]) -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(b"".join(message("InvokeComplete", "application/json", p) for p in payloads))
    read = [event.to_response_dict() for event in buffer]
    assert [event["body"] for event in read] == payloads
    assert all(event["headers"][":event-type"] == "InvokeComplete" for event in read)
