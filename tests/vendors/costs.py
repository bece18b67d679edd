"""What each vendor's lines in docs/instrumentation.md cost: CPU time per call, beside no vendor's.

    .venv-vendors/bin/python -m tests.vendors.costs

A FastAPI app streams three chunks. The processes take turns, so that all have the same neighbours.
"""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from adapter.samples.url_event import function_url_event
from tests.runtimes.conftest import NATIVE, Runtime
from tests.support.collector import collect
from tests.support.fake_runtime_api import NEXT, Platform
from tests.support.runtimes import RIC, RIC_4, Running

from .conftest import TRACE, lines_of

ROUNDS, CALLS = 5, 100
TICKS = os.sysconf("SC_CLK_TCK")

SHOP = """
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

app = FastAPI()

@app.get("/")
async def chunks():
    async def three():
        for _ in range(3):
            yield bytes(100)
    return StreamingResponse(three())
"""
PLAIN = "from adapter import LambdaHandler\nfrom main import app\nhandler = LambdaHandler(app)\n"
ENVIRON = {
    "plain": {},
    "Sentry": {"SENTRY_DSN": "http://key@{collector}/1"},
    "OpenTelemetry": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://{collector}"},
    "Logfire": {"LOGFIRE_TOKEN": "token", "LOGFIRE_BASE_URL": "http://{collector}"},
    "Datadog": {"DD_FLUSH_TO_LOG": "true", "DD_TRACE_STARTUP_LOGS": "false"},
    "New Relic": {"NEW_RELIC_SERVERLESS_MODE_ENABLED": "true", "NEW_RELIC_ACCOUNT_ID": "1"},
    "Powertools": {
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:9",  # by UDP, so nobody has to listen
        "POWERTOOLS_TRACE_DISABLED": "false",
        "POWERTOOLS_METRICS_NAMESPACE": "shop",
        "POWERTOOLS_SERVICE_NAME": "shop",
    },
    "Elastic APM": {"ELASTIC_APM_SERVER_URL": "http://{collector}"},
}


class Function:
    """A function with the lines of one vendor."""

    def __init__(self, root: Path, vendor: str, runtime: Runtime, collector: str) -> None:
        source = PLAIN if vendor == "plain" else lines_of(vendor)
        (root / "main.py").write_text(source.replace("from main import", "from shop import"))
        (root / "shop.py").write_text(SHOP)
        given = {name: text.format(collector=collector) for name, text in ENVIRON[vendor].items()}
        environ = {**runtime.environ, "PYTHONWARNINGS": "", "AWS_REGION": "eu-west-1", **given}
        environ["PYTHONPATH"] += f":{root}"
        self.platform = Platform(root, "main.handler", environ, runtime.command)
        self._running = Running(self.platform, is_native=runtime.is_native)
        assert self._running.client.read().call == NEXT, self.platform.output
        self.seconds = 0.0

    def calls(self, number: int) -> float:
        """Make some calls, and return the seconds of CPU time that they took."""
        before = self._cpu_seconds()
        for _ in range(number):
            event = function_url_event("/")
            self._running.client.event(event, Lambda_Runtime_Trace_Id=TRACE)
            assert self._running.ours.read().path.endswith("/response"), self.platform.output
            self._running.ours.accept()
            assert self._running.client.read().call == NEXT
        return self._cpu_seconds() - before

    def _cpu_seconds(self) -> float:
        stat = Path(f"/proc/{self.platform.process.pid}/stat").read_text().rpartition(")")[2]
        return sum(map(int, stat.split()[11:13])) / TICKS


def measure(runtime: Runtime) -> dict[str, float]:
    """Return the milliseconds of CPU time per call, for each vendor."""
    with ExitStack() as stack:
        collector = stack.enter_context(collect())
        functions = {}
        for vendor in ENVIRON:
            root = Path(stack.enter_context(TemporaryDirectory()))
            functions[vendor] = Function(root, vendor, runtime, collector.address)
            stack.callback(functions[vendor].platform.close)
            functions[vendor].calls(CALLS // 5)
        for _ in range(ROUNDS):
            for function in functions.values():
                function.seconds += function.calls(CALLS)
    return {vendor: f.seconds / ROUNDS / CALLS * 1000 for vendor, f in functions.items()}


def main() -> int:
    """Print the table."""
    for name, runtime in (("native", NATIVE), ("AWS's", Runtime(RIC, RIC_4.environ))):
        for vendor, milliseconds in measure(runtime).items():
            sys.stdout.write(f"{name:8} {vendor:14} {milliseconds:.1f} ms\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
