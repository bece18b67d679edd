"""The options of ``adapter dev`` and ``adapter invoke``; importing them needs no extra.

Each group says what it is for and has an example.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...target import TARGET_HELP
from .argument_types import MAX_TIMEOUT_SECONDS, Once, memory, not_empty, port, positive, seconds

if TYPE_CHECKING:
    from argparse import ArgumentParser, _ArgumentGroup

DEFAULT_TARGET = "default: the function of the SAM template in this folder"

MAX_ENVIRONMENTS = 10  #: unless --max-environments names another number

SOURCES = ("url", "rest", "http", "alb")
DEV_EXAMPLES = """\
examples:
  adapter dev main:app --reload
  adapter dev src/shop/main.py:app --port 9000 --timeout 10
  adapter dev                                 # the function of template.yaml
  adapter dev --command 'node runtime.mjs' --handler index.handler
"""
INVOKE_EXAMPLES = """\
exit codes:
  0  success
  1  the app failed: a function error, a timeout, a broken stream, a status of 5xx
  2  wrong usage, or the app cannot be loaded
  3  the app's lifespan startup failed

examples:
  adapter invoke main:app --path '/search?q=x' --include
  adapter invoke main.handler --event event.json
"""


def add_dev_arguments(dev: ArgumentParser) -> None:
    """Describe the options of ``adapter dev``."""
    dev.add_argument("target", nargs="?", metavar="TARGET", help=f"{TARGET_HELP}; {DEFAULT_TARGET}")
    dev.add_argument(
        "--factory",
        action="store_true",
        help="TARGET is a function that makes the app: main:create_app",
    )
    function = add_function(dev, ", or as in the template")
    function.add_argument(
        "--function",
        type=not_empty,
        metavar="NAME",
        help="the logical id of the function in the template, if it has several",
    )
    add_runtime(dev)
    add_source(dev)
    add_environments(dev)
    add_server(dev)
    add_reload(dev)
    add_streams(dev)


def add_invoke_arguments(invoke: ArgumentParser) -> None:
    """Describe the options of ``adapter invoke``."""
    add_function(invoke)
    request = invoke.add_argument_group("request", "--path or --event is required")
    path_or_event = request.add_mutually_exclusive_group(required=True)
    path_or_event.add_argument("--path", help="request a path, with query if any: /search?q=x")
    path_or_event.add_argument(
        "--event", metavar="FILE", help="send this event as it is; -: from stdin"
    )
    request.add_argument("--method", help="default: GET, or POST with --data")
    request.add_argument(
        "--header", action="append", default=[], metavar="NAME:VALUE", help="may be repeated"
    )
    add_data(request)
    request.add_argument(
        "--snapstart", action="store_true", help="restore the environment as SnapStart does"
    )
    output = invoke.add_argument_group("output")
    output.add_argument("--include", action="store_true", help="status and headers on stderr")
    output.add_argument("--timings", action="store_true", help="a time per chunk on stderr")


def add_data(group: _ArgumentGroup) -> None:
    """Describe ``--data``."""
    group.add_argument(
        "--data", action=Once, help="request body; @FILE reads it from a file, @- from stdin"
    )


def add_function(parser: ArgumentParser, or_default: str = "") -> _ArgumentGroup:
    """Describe the configuration of the function."""
    group = parser.add_argument_group(
        "function", "its configuration: --timeout 300 --memory 512 --env-file .env"
    )
    group.add_argument(
        "--timeout",
        type=seconds,
        metavar="SECONDS",
        help=f"timeout of an invocation, at most {MAX_TIMEOUT_SECONDS}; default: 30{or_default}",
    )
    group.add_argument(
        "--memory",
        type=memory,
        metavar="MB",
        help=f"memory limit of an environment; default: 1024{or_default}",
    )
    group.add_argument(
        "--env-file",
        type=not_empty,
        action=Once,
        metavar="FILE",
        help="environment variables, NAME=value in each line; those of this shell win",
    )
    return group


def add_runtime(dev: ArgumentParser) -> None:
    """Describe the runtime process."""
    group = dev.add_argument_group(
        "runtime",
        "any client of the Runtime API: --command 'python -m awslambdaric main.handler'",
    )
    group.add_argument(
        "--command",
        dest="command_line",
        type=not_empty,
        metavar="COMMAND",
        help="starts the runtime; default: the native runtime, adapter run",
    )
    group.add_argument(
        "--handler",
        type=not_empty,
        metavar="NAME",
        help="$_HANDLER of the runtime; default: TARGET",
    )
    group.add_argument(
        "--layer",
        type=not_empty,
        action="append",
        default=[],
        metavar="FOLDER",
        help="an unpacked layer, mounted as /opt; may be repeated",
    )
    group.add_argument(
        "--no-isolation",
        action="store_true",
        help="for debuggers: one process on this terminal, without limits and read-only mounts",
    )


def add_source(dev: ArgumentParser) -> None:
    """Describe the event source."""
    group = dev.add_argument_group(
        "event source", "what sends the events: --source rest --stage prod"
    )
    group.add_argument(
        "--source",
        choices=SOURCES,
        help="a function URL, a REST API, an HTTP API or a load balancer; default: url",
    )
    group.add_argument(
        "--invoke-mode",
        choices=("response_stream", "buffered"),
        help="InvokeMode of a URL, or transfer mode of a REST API; default: response_stream for a "
        "URL, or as in the template, and buffered for a REST API",
    )
    group.add_argument(
        "--stage",
        metavar="NAME",
        help="stage of the API, which is the first part of its paths: /NAME/…",
    )
    group.add_argument(
        "--base-path", metavar="/PATH", help="path of the API's custom domain, as in /shop"
    )
    group.add_argument(
        "--multi-value-headers",
        action="store_true",
        help="the load balancer's setting: header values are lists",
    )
    group.add_argument(
        "--auth",
        choices=("none", "aws_iam"),
        help="AuthType of the URL; aws_iam checks signatures against your credentials; "
        "default: none",
    )
    group.add_argument(
        "--cors", metavar="JSON", help='Cors of the URL: \'{"AllowOrigins": ["*"]}\''
    )
    group.add_argument(
        "--as-aws",
        action="store_true",
        help="events name AWS's domain, https and port 443 instead of the local ones",
    )


def add_environments(dev: ArgumentParser) -> None:
    """Describe the execution environments."""
    group = dev.add_argument_group(
        "environments", "processes and requests at once: --concurrency 64"
    )
    group.add_argument(
        "--max-environments",
        type=positive,
        metavar="N",
        help="maximum number of processes, one per concurrent request; more requests wait; "
        f"default: {MAX_ENVIRONMENTS}",
    )
    group.add_argument(
        "--concurrency",
        type=positive,
        metavar="N",
        help="one concurrent environment, as on Lambda Managed Instances: N requests at once; "
        "more requests get 429",
    )
    group.add_argument(
        "--snapstart",
        action="store_true",
        help="as with SnapStart: environments wait in a snapshot until they are used",
    )


def add_server(dev: ArgumentParser) -> None:
    """Describe the ports."""
    group = dev.add_argument_group("server", "addresses: --port 9000 --invoke-port 9001")
    group.add_argument(
        "--host",
        type=not_empty,
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0: reachable from containers and others; default: "
        "%(default)s",
    )
    group.add_argument(
        "--port", type=port, default=8000, help="0: any free port; default: %(default)s"
    )
    group.add_argument(
        "--no-inspector",
        dest="inspector",
        action="store_false",
        help="do not show the invocations at /__lambda__/",
    )
    group.add_argument(
        "--invoke-port",
        type=port,
        metavar="PORT",
        help="serve boto3's invoke and invoke_with_response_stream as well, on this port",
    )


def add_reload(dev: ArgumentParser) -> None:
    """Describe the options of ``--reload``."""
    group = dev.add_argument_group("reload", "on changes: --reload --reload-include '*.sql'")
    group.add_argument(
        "--reload",
        action="store_true",
        help="restart when a Python file or an HTML template changes",
    )
    group.add_argument(
        "--reload-include",
        action="append",
        default=[],
        metavar="PATTERN",
        help="restart for these files or folders as well: '*.sql'; may be repeated",
    )
    group.add_argument(
        "--reload-exclude",
        action="append",
        default=[],
        metavar="PATTERN",
        help="never restart for these files or folders; may be repeated",
    )


def add_streams(dev: ArgumentParser) -> None:
    """Describe the limits, and choices where AWS's behaviour is not documented."""
    group = dev.add_argument_group(
        "streams", "bandwidth, and what AWS may do but does not document: --undocumented abort"
    )
    group.add_argument(
        "--no-throttle",
        action="store_true",
        help="no limit of 2 MB/s after the first 6 MB of a stream",
    )
    group.add_argument(
        "--undocumented",
        action="append",
        choices=("abort", "hang", "hold"),
        default=[],
        help="abort: cut a response whose app fails after the head; hang: keep a response without "
        "a body open until the timeout; hold: deliver each chunk only with the next one; may be "
        "repeated",
    )
