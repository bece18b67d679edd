"""OpenAI's own client, which the FastAPI example streams to."""

from __future__ import annotations

import binascii
import json
import re
import struct
import subprocess
import sys
from time import monotonic
from typing import Any

import pytest
from openai import AsyncOpenAI

from tests.support.adapter_dev import adapter_dev
from tests.support.collector import collect

from .conftest import EXAMPLES, serve_example

pytestmark = pytest.mark.anyio

ASKED: Any = {"model": "any", "messages": [{"role": "user", "content": "What sells best?"}]}


@pytest.fixture(scope="module", autouse=True)
def database() -> None:
    subprocess.run([sys.executable, "seed.py"], cwd=EXAMPLES / "fastapi_app", check=True)


def client_of(url: str) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)


async def test_tokens_arrive_one_by_one(runtime: str) -> None:
    times = []
    async with serve_example("fastapi_app", runtime) as url, client_of(url) as client:
        query = {"delay": 0.02}
        options = {"include_usage": True}
        stream = await client.chat.completions.create(
            **ASKED, stream=True, stream_options=options, extra_query=query
        )
        chunks = []
        async for chunk in stream:
            chunks.append(chunk)
            times.append(monotonic())
        whole = await client.chat.completions.create(**ASKED, extra_query={"delay": 0})
    *parts, usage = chunks
    text = "".join(part.choices[0].delta.content or "" for part in parts)
    assert text == whole.choices[0].message.content
    assert "House Espresso" in text
    assert [part.choices[0].finish_reason for part in parts][-2:] == [None, "stop"]
    assert usage.usage.completion_tokens == len(parts) - 2
    assert chunks[0].model == "stand-in"
    assert times[-1] - times[0] > 0.5, "all tokens came at once"


async def test_an_answer_that_takes_longer_than_the_function_ends_as_one_that_was_cut() -> None:
    async with (
        serve_example("fastapi_app", "adapter dev", "--timeout", "3") as url,
        client_of(url) as client,
    ):
        stream = await client.chat.completions.create(
            **ASKED, stream=True, extra_query={"delay": 0.2}
        )
        reasons = [chunk.choices[0].finish_reason async for chunk in stream]
    assert reasons[-1] == "length"
    assert len(reasons) > 3


def message(kind: str, payload: dict[str, Any]) -> bytes:
    """Return one message of an AWS event stream, as Bedrock sends it.

    https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html
    """
    fields = {
        ":event-type": kind,
        ":content-type": "application/json",
        ":message-type": "event",
    }
    headers = b""
    for name, value in fields.items():
        headers += bytes([len(name)]) + name.encode()
        headers += b"\x07" + struct.pack(">H", len(value)) + value.encode()
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    prelude += struct.pack(">I", binascii.crc32(prelude))
    return (checked := prelude + headers + body) + struct.pack(">I", binascii.crc32(checked))


async def test_bedrock_is_behind_the_same_interface(runtime: str) -> None:
    texts = [{"contentBlockIndex": 0, "delta": {"text": text}} for text in ("House ", "Espresso")]
    said = [
        message("messageStart", {"role": "assistant"}),
        *(message("contentBlockDelta", text) for text in texts),
        message("messageStop", {"stopReason": "end_turn"}),
    ]
    with collect(b"".join(said)) as bedrock:
        environ = {
            "BEDROCK_MODEL_ID": "a.model",
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": f"http://{bedrock.address}",
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_DEFAULT_REGION": "eu-west-1",
        }
        async with (
            serve_example("fastapi_app", runtime, **environ) as url,
            client_of(url) as client,
        ):
            stream = await client.chat.completions.create(**ASKED, stream=True)
            chunks = [chunk async for chunk in stream]
    assert [chunk.choices[0].delta.content for chunk in chunks] == ["", "House ", "Espresso", None]
    assert chunks[0].model == "a.model"
    [sent] = bedrock.sent
    assert sent.path == "/model/a.model/converse-stream"
    asked = json.loads(sent.body)["messages"]
    assert asked == [{"role": "user", "content": [{"text": "What sells best?"}]}]


def test_the_lines_of_the_page_print_the_answer() -> None:
    page = (EXAMPLES.parent / "docs" / "llm-tokens.md").read_text("utf-8")
    [lines] = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    with adapter_dev(f"{EXAMPLES / 'fastapi_app' / 'main.py'}:app") as running:
        command = [sys.executable, "-c", lines.replace("http://127.0.0.1:8000", running.url)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert said.startswith("You asked: “What sells best?”")
    assert said.endswith("the moment it was there ☕")
