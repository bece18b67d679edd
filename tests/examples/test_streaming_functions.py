"""Each twin of a Node tutorial, invoked as a user does; AWS is moto, on a real port."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
import struct
import sys
import zlib
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen, run
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

import boto3
import httpx
import pytest
from moto.server import ThreadedMotoServer

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parents[2] / "examples" / "streaming_functions"
ORDERS = [(f"{number:03}", f"Customer {number}", str(number * 10)) for number in range(250)]
TEXT = "".join(f"line {number} of a log that is worth packing\n" for number in range(20_000))


class Response(NamedTuple):
    body: bytes
    log: str
    code: int


@pytest.fixture(scope="module")
def aws() -> Iterator[dict[str, str]]:
    """The variables with which boto3 finds a table and a bucket that have something in them."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    environ = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "TABLE": "orders",
        "BUCKET": "logs",
    }
    session = boto3.Session("test", "test", region_name="eu-west-1")
    fill_table(session.client("dynamodb", endpoint_url=environ["AWS_ENDPOINT_URL"]))
    fill_bucket(session.client("s3", endpoint_url=environ["AWS_ENDPOINT_URL"]))
    yield environ
    server.stop()


def fill_table(dynamodb: Any) -> None:
    dynamodb.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    items = [
        {"id": {"S": number}, "customer": {"S": customer}, "total": {"N": total}}
        for number, customer, total in ORDERS
    ]
    for first in range(0, len(items), 25):  # as many as a call takes
        puts = [{"PutRequest": {"Item": item}} for item in items[first : first + 25]]
        dynamodb.batch_write_item(RequestItems={"orders": puts})
    dynamodb.close()


def fill_bucket(s3: Any) -> None:
    location = {"LocationConstraint": "eu-west-1"}
    s3.create_bucket(Bucket="logs", CreateBucketConfiguration=location)
    s3.put_object(Bucket="logs", Key="today.txt.gz", Body=gzip.compress(TEXT.encode()))
    s3.close()


def invoke(name: str, *arguments: str, event: Any = None, **environ: str) -> Response:
    command = [sys.executable, "-m", "adapter", "invoke", f"{name}.handler"]
    arguments = arguments or (("--event", "-") if event else ("--path", "/", "--include"))
    ended = run(
        [*command, *arguments],
        cwd=FOLDER,
        input=json.dumps(event).encode(),
        capture_output=True,
        env=os.environ | environ,
        check=False,
    )
    return Response(ended.stdout, ended.stderr.decode(), ended.returncode)


def events(text: str) -> list[dict[str, str]]:
    blocks = text.removesuffix("\n\n").split("\n\n")
    return [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]


def test_hello_comes_line_by_line_from_a_function_url() -> None:
    command = [sys.executable, "-m", "adapter", "dev", "hello.handler", "--port", "0"]
    with Popen(command, cwd=FOLDER, stdout=PIPE, stderr=STDOUT, text=True) as process:
        assert process.stdout is not None
        said = ""
        while not (url := re.search(r"http://[\d.]+:\d+", said)):
            line = process.stdout.readline()
            assert line, f"adapter dev ended: {said}"
            said += line
        rest = Thread(target=process.stdout.read)  # so that its output never blocks it
        rest.start()
        with httpx.stream("GET", url[0], timeout=30) as response:
            chunks = list(response.iter_text())
        process.terminate()
        rest.join()
    assert (response.status_code, response.headers["content-type"]) == (
        200,
        "text/plain; charset=utf-8",
    )
    assert chunks == [f"Hello {number}\n" for number in range(1, 6)]


def test_progress_is_server_sent_events_that_end_with_done() -> None:
    response = invoke("progress")
    assert response.code == 0
    assert "content-type: text/event-stream" in response.log
    *progress, done = events(response.body.decode())
    assert [json.loads(event["data"])["percent"] for event in progress] == [25, 50, 75, 100]
    assert (done["event"], done["id"]) == ("done", "5")
    assert json.loads(done["data"])["job"] in response.log  # the id of the request


def test_a_table_of_three_pages_becomes_csv(aws: dict[str, str]) -> None:
    response = invoke("orders_csv", **aws)
    assert response.code == 0
    assert 'content-disposition: attachment; filename="orders.csv"' in response.log
    head, *rows = csv.reader(io.StringIO(response.body.decode()))
    assert head == ["id", "customer", "total"]
    assert sorted(map(tuple, rows)) == ORDERS


def test_the_array_is_json_as_a_whole_too() -> None:
    response = invoke("json_array")
    assert (response.code, len(json.loads(response.body))) == (0, 3)
    assert "content-type: application/json" in response.log


def test_an_object_of_s3_is_unpacked_on_its_way(aws: dict[str, str]) -> None:
    response = invoke("gunzip", "--path", "/?key=today.txt.gz", "--timings", **aws)
    assert (response.code, response.body.decode()) == (0, TEXT)
    assert len(re.findall(r" s  \d+ bytes", response.log)) > 1


def test_an_object_that_is_not_there_is_a_404(aws: dict[str, str]) -> None:
    response = invoke("gunzip", "--path", "/?key=nowhere.gz", "--include", **aws)
    assert response.body == b"There is no nowhere.gz.\n"
    assert "Status: 404" in response.log


def test_the_image_is_a_whole_png() -> None:
    response = invoke("image")
    assert (response.code, response.body[:8]) == (0, b"\x89PNG\r\n\x1a\n")
    assert "content-type: image/png" in response.log
    pixels, rest = b"", response.body[8:]
    while rest:
        (length,) = struct.unpack(">I", rest[:4])
        kind, data = rest[4:8], rest[8 : 8 + length]
        assert rest[8 + length : 12 + length] == struct.pack(">I", zlib.crc32(kind + data))
        pixels += data if kind == b"IDAT" else b""
        rest = rest[12 + length :]
    assert len(zlib.decompress(pixels)) == 512 * (1 + 3 * 512)


def test_the_two_parts_stand_in_their_order_though_they_are_made_at_the_same_time() -> None:
    page = invoke("two_parts").body.decode()
    assert re.findall("<(?:h1|ul|li|p)>", page) == ["<h1>", "<ul>", "<li>", "<li>", "<p>"]


def test_the_generator_is_json_lines_for_any_event() -> None:
    response = invoke("ndjson", event={"any": "event"})
    lines = [json.loads(line) for line in response.body.splitlines()]
    assert (response.code, lines[-1]) == (0, {"number": 9, "square": 81})


def test_the_feed_ends_when_it_was_asked_to() -> None:
    response = invoke("telemetry", event={"count": 3})
    *measured, end = [json.loads(line) for line in response.body.splitlines()]
    assert [one["number"] for one in measured] == [1, 2, 3]
    assert (response.code, end) == (0, {"end": True, "sent": 3})


def test_the_feed_ends_well_before_its_time_is_up() -> None:
    response = invoke("telemetry", "--path", "/", "--timeout", "2")
    assert response.code == 0
    assert json.loads(response.body.splitlines()[-1])["end"] is True


def test_every_example_is_tested_and_stands_in_the_readme() -> None:
    readme = (FOLDER / "README.md").read_text()
    tests = Path(__file__).read_text()
    for file in FOLDER.glob("*.py"):
        assert f"({file.name})" in readme
        assert f'"{file.stem}"' in tests or f'"{file.stem}.handler"' in tests
