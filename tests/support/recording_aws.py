"""AWS for tests: moto, and a proxy before it that records, refuses and remembers.

The proxy is the server that boto3 calls. It records each call by the name of its
operation, refuses those that a test names, and keeps what moto forgets: `REMEMBERED`.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, unquote, unquote_to_bytes, urlsplit

import botocore.session
from moto.moto_server.werkzeug_app import create_backend_app
from werkzeug.test import run_wsgi_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from wsgiref.types import WSGIApplication

#: Parts of a function's configuration that moto takes and does not give back.
REMEMBERED = ("LoggingConfig", "RuntimeConfig", "SnapStart", "TracingConfig")
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
}


class Call(NamedTuple):
    """A request as it was on the wire; ``parameters`` are those of path, query and body."""

    operation: str
    parameters: dict[str, Any]
    body_bytes: int


class Reply(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class Refusal:
    """The error that an operation gets, this many times."""

    code: str
    message: str
    status: int
    times: int


@dataclass
class RecordingAws:
    """What the proxy has seen and what it does; ``url`` is for AWS_ENDPOINT_URL."""

    moto: Callable[[str], WSGIApplication]  #: by the name of a service
    url: str = ""
    calls: list[Call] = field(default_factory=list)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    #: the URL of a local Lambda for functions whose names begin so
    function_urls: dict[str, str] = field(default_factory=dict)
    functions: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: versions of functions that never become active, and why
    broken_versions: dict[str, str] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def refuse(
        self,
        operation: str,
        code: str = "AccessDeniedException",
        message: str = "User: me is not authorized",
        status: int = 403,
        times: int = 1,
    ) -> None:
        """Refuse the next calls of an operation."""
        self.refusals[operation] = Refusal(code, message, status, times)

    def named(self, *operations: str) -> list[Call]:
        """The calls of some operations, in order."""
        return [call for call in self.calls if call.operation in operations]

    def changes(self) -> list[str]:
        """The names of the calls that change something, in order."""
        reads = ("Get", "List", "Head", "Describe", "Filter")
        return [call.operation for call in self.calls if not call.operation.startswith(reads)]

    def reset(self) -> None:
        """Forget everything, here and in moto."""
        self.calls.clear()
        self.refusals.clear()
        self.functions.clear()
        self.broken_versions.clear()
        self.function_urls.clear()
        forward(self.moto("moto_api"), Request("POST", "/moto-api/reset", {}, b""))

    def serve(self, request: Request) -> Reply:
        """Record a request, and refuse it or let moto and the memory reply."""
        call = self.read(request)
        with self.lock:
            self.calls.append(call)
            refusal = self.refusals.get(call.operation)
            if refusal is not None and refusal.times:
                refusal.times -= 1
                return refused(refusal, request)
        if call.operation.endswith("RuntimeManagementConfig"):
            return self.manage_runtime(call)
        reply = forward(self.moto(request.service), request)
        if request.is_for_lambda and reply.status < 300 and reply.body:
            return self.amended(call, reply)
        return reply

    def read(self, request: Request) -> Call:
        """Find the operation and the parameters of a request."""
        size = len(request.body)
        query = {name: values[0] for name, values in request.query.items()}
        if target := request.headers.get("X-Amz-Target"):
            return Call(target.rpartition(".")[2], json.loads(request.body), size)
        if "Action=" in (text := request.body[:1000].decode("latin-1")):
            form = {name: values[0] for name, values in parse_qs(text).items()}
            return Call(form.pop("Action"), form, size)
        if request.is_for_lambda:
            for method, pattern, operation in LAMBDA_OPERATIONS:
                if method == request.method and (found := pattern.fullmatch(request.path)):
                    path = {name: unquote(value) for name, value in found.groupdict().items()}
                    body = json.loads(request.body) if request.body else {}
                    return Call(operation, {**path, **query, **body}, size)
        is_for_s3 = request.service == "s3"
        operation = s3_operation(request) if is_for_s3 else api_operation(request)
        body = json.loads(request.body) if request.body and not is_for_s3 else {}
        return Call(operation, {"path": unquote(request.path), **body}, size)

    def manage_runtime(self, call: Call) -> Reply:
        """Do what moto has not: keep which runtime version a version of a function is pinned to."""
        key = f"{call.parameters['FunctionName']}:{call.parameters['Qualifier']}:runtime"
        kept = self.functions.setdefault(key, {})
        if call.operation.startswith("Put"):
            names = ("UpdateRuntimeOn", "RuntimeVersionArn")
            kept["runtime"] = {n: call.parameters[n] for n in names if n in call.parameters}
        body = kept.get("runtime", {"UpdateRuntimeOn": "Auto"})
        return Reply(200, [("Content-Type", "application/json")], json.dumps(body).encode())

    def amended(self, call: Call, reply: Reply) -> Reply:
        """Put into a reply what moto has forgotten, and the local URL."""
        body = json.loads(reply.body)
        state = body.get("Configuration", body)
        if "FunctionUrl" in body:
            self.remember_url(call, body)
        elif "FunctionArn" in state and "Runtime" in state:
            self.remember_configuration(call, state)
        return Reply(reply.status, reply.headers, json.dumps(body).encode())

    def remember_url(self, call: Call, body: dict[str, Any]) -> None:
        kept = self.functions.setdefault(f"{call.parameters['FunctionName']}:url", {})
        if "InvokeMode" in call.parameters:
            kept["InvokeMode"] = call.parameters["InvokeMode"]
        body.update(kept)
        for prefix, url in self.function_urls.items():
            if call.parameters["FunctionName"].startswith(prefix):
                body["FunctionUrl"] = url

    def remember_configuration(self, call: Call, state: dict[str, Any]) -> None:
        latest = self.functions.setdefault(state["FunctionName"], {})
        if call.operation in ("CreateFunction", "UpdateFunctionConfiguration"):
            latest.update({n: call.parameters[n] for n in REMEMBERED if n in call.parameters})
        if "Architectures" in call.parameters:  # which moto does not change with the code
            latest["Architectures"] = call.parameters["Architectures"]
        version = f"{state['FunctionName']}:{state['Version']}"
        if call.operation == "PublishVersion":
            self.functions.setdefault(version, dict(latest))
        kept = self.functions.get(version, latest)
        state.update({n: kept[n] for n in (*REMEMBERED, "Architectures") if n in kept})
        if version in self.broken_versions:
            state.update(State="Failed", StateReason=self.broken_versions[version])


class Request(NamedTuple):
    method: str
    target: str
    headers: Any
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def service(self) -> str:
        """The service as the signature names it."""
        found = re.search(r"Credential=[^/]+/\d+/[^/]+/(\w+)/", self.headers["Authorization"])
        assert found
        return found[1]

    @property
    def is_for_lambda(self) -> bool:
        return self.service == "lambda"


def lambda_operations() -> Iterator[tuple[str, re.Pattern[str], str]]:
    """Return method, path and name of each operation of Lambda, from botocore's own model."""
    model = botocore.session.get_session().get_service_model("lambda")
    for name in model.operation_names:
        http = model.operation_model(name).http
        path = http["requestUri"].partition("?")[0].rstrip("/")
        pattern = re.sub(r"\{(\w+)\+?\}", r"(?P<\1>[^/]+)", path)
        yield http["method"], re.compile(f"{pattern}/?"), name


LAMBDA_OPERATIONS = list(lambda_operations())


def s3_operation(request: Request) -> str:
    """Return the name of an operation of S3, as far as tests need it."""
    _, _, key = request.path.strip("/").partition("/")
    if not key:
        names = {"PUT": "CreateBucket", "DELETE": "DeleteBucket", "HEAD": "HeadBucket"}
        if "tagging" in request.query:
            return "PutBucketTagging" if request.method == "PUT" else "GetBucketTagging"
        return names.get(request.method, "ListObjectsV2")
    if request.method == "PUT":
        return "UploadPart" if "partNumber" in request.query else "PutObject"
    if request.method == "POST":
        is_start = "uploads" in request.query
        return "CreateMultipartUpload" if is_start else "CompleteMultipartUpload"
    return f"{request.method.capitalize()}Object"


def api_operation(request: Request) -> str:
    """Return the name of an operation of API Gateway, as far as tests need it."""
    kinds = {"integration": "PutIntegration", "deployments": "CreateDeployment"}
    kind = request.path.rstrip("/").rpartition("/")[2]
    return kinds.get(kind, f"{request.method} {request.path}")


def refused(refusal: Refusal, request: Request) -> Reply:
    """Return an error in the format of the service."""
    code, message = refusal.code, refusal.message
    if request.service in ("iam", "sts", "s3"):
        error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        body = error if request.service == "s3" else f"<ErrorResponse>{error}</ErrorResponse>"
        return Reply(refusal.status, [("Content-Type", "text/xml")], body.encode())
    headers = [("Content-Type", "application/json"), ("x-amzn-errortype", code)]
    body = json.dumps({"__type": code, "message": message, "Message": message})
    return Reply(refusal.status, headers, body.encode())


def forward(moto: WSGIApplication, request: Request) -> Reply:
    """Have moto reply, without another connection."""
    target = urlsplit(request.target)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(target.path).decode("latin-1"),
        "QUERY_STRING": target.query,
        "RAW_URI": request.target,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.input": BytesIO(request.body),
        "wsgi.url_scheme": "http",
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        environ.setdefault("CONTENT_TYPE" if key == "CONTENT_TYPE" else f"HTTP_{key}", value)
    body, status, headers = run_wsgi_app(moto, environ)
    return Reply(int(status.split()[0]), headers.to_wsgi_list(), b"".join(body))


def make_handler(aws: RecordingAws) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # a head and a body are two writes

        def reply(self) -> None:
            body = self.read_body()
            reply = aws.serve(Request(self.command, self.path, self.headers, body))
            self.send_response_only(reply.status)
            for name, value in reply.headers:
                if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.body)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = reply

        def read_body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


@contextmanager
def recording_aws() -> Iterator[RecordingAws]:
    """Run moto and the proxy."""
    aws = RecordingAws(cache(create_backend_app))
    proxy = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(aws))
    aws.url = f"http://127.0.0.1:{proxy.server_port}"
    thread = Thread(target=proxy.serve_forever)
    thread.start()
    try:
        yield aws
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()
