"""The floor: a minimal asyncio program that puts the same bytes on the wire.

No ASGI, no parsing beyond what is needed to respond, no errors, no deadlines. What the adapter
costs is measured as a multiple of this.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket

CHUNKS = int(os.environ.get("BENCH_CHUNKS", "1"))
CHUNK = b"x" * int(os.environ.get("BENCH_CHUNK_BYTES", "70"))
HEADERS = {"content-type": "text/event-stream", "cache-control": "no-store"}


async def main() -> None:
    """Respond to events without end."""
    address = os.environ["AWS_LAMBDA_RUNTIME_API"]
    host, _, port = address.rpartition(":")
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setblocking(False)
    await loop.sock_connect(sock, (host, int(port)))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    path = "/2018-06-01/runtime/invocation"
    ask = f"GET {path}/next HTTP/1.1\r\nHost: {address}\r\n\r\n".encode()
    while True:
        await loop.sock_sendall(sock, ask)
        data = await loop.sock_recv(sock, 65536)
        while b"\r\n\r\n" not in data:
            data += await loop.sock_recv(sock, 65536)
        head, _, body = data.partition(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = int(fields[b"Content-Length"])
        while len(body) < length:
            body += await loop.sock_recv(sock, 65536)
        json.loads(body)
        request_id = fields[b"Lambda-Runtime-Aws-Request-Id"].decode()
        prelude = json.dumps({"statusCode": 200, "headers": HEADERS}).encode() + bytes(8)
        out = (
            f"POST {path}/{request_id}/response HTTP/1.1\r\nHost: {address}\r\n"
            "Content-Type: application/vnd.awslambda.http-integration-response\r\n"
            "Lambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n"
            "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n"
            "\r\n"
        ).encode() + b"%x\r\n%b\r\n" % (len(prelude), prelude)
        for _ in range(CHUNKS - 1):
            await loop.sock_sendall(sock, out + b"%x\r\n%b\r\n" % (len(CHUNK), CHUNK))
            out = b""
        await loop.sock_sendall(sock, out + b"%x\r\n%b\r\n0\r\n\r\n" % (len(CHUNK), CHUNK))
        reply = await loop.sock_recv(sock, 65536)
        while b'{"status":"OK"}' not in reply:
            reply += await loop.sock_recv(sock, 65536)


if __name__ == "__main__":
    asyncio.run(main())
