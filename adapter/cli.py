"""The command line: ``adapter …`` or ``python -m adapter …``.

Each command is imported when it is called: ``run`` is on the path of every cold start, so it must
not import the others.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeVar

    Number = TypeVar("Number", int, float)

MODULE_HELP = "the app: module:attribute, or module.attribute for a Lambda handler"
TARGET_HELP = f"{MODULE_HELP}, or a file, as in src/main.py:app"

DISTRIBUTION = "asgi-lambda-stream"
DEV_EXAMPLES = """\
examples:
  adapter dev main:app --reload
  adapter dev src/shop/main.py:app --port 9000 --timeout 10
  adapter dev main:app --concurrency 64
"""
INVOKE_EXAMPLES = """\
exit codes:
  0  success
  1  the app failed: a function error, a timeout, a broken stream, a status of 5xx
  2  wrong usage, or the app cannot be loaded
  3  its lifespan startup failed

examples:
  adapter invoke main:app --path '/search?q=x' --include
  adapter invoke main.handler --event event.json
"""
RUN_EXAMPLES = """\
examples, in a Dockerfile:
  CMD ["adapter", "run", "main:app"]
  CMD ["adapter", "run", "main:create_app()"]
"""
COMPLETION_EXAMPLES = """\
examples:
  adapter completion bash > ~/.local/share/bash-completion/completions/adapter
  adapter completion zsh > ~/.zfunc/_adapter
"""
SHELLS = ("bash", "zsh", "fish")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; 2 for wrong usage."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        return dispatch(argv)
    except KeyboardInterrupt:
        return 130  # as a shell reports it
    except Exception as error:
        from .errors import ConfigurationError

        if not isinstance(error, ConfigurationError):
            raise
        print(f"adapter: {error}", file=sys.stderr)
        return 2


def dispatch(argv: Sequence[str]) -> int:
    """Find the command and run it."""
    match argv:  # lazy: cold start, which needs no argparse
        case ["run"]:
            return run_runtime(None)
        case ["run", target] if not target.startswith("-"):
            return run_runtime(target)
    arguments = build_parser().parse_args(argv)
    code: int = arguments.command(arguments)
    return code


def run_runtime(target: str | None) -> int:
    """Be a Lambda runtime: ``adapter run``."""
    from .imports.packed import install

    install()  # before the imports that it makes fast
    from .native.runtime import main as run_native

    return run_native(target)


def build_parser() -> ArgumentParser:
    """Describe the command line."""
    from argparse import ArgumentParser
    from functools import partial

    from .deploy.arguments import add_deployment

    parser = ArgumentParser(prog="adapter", description="Stream an ASGI app from AWS Lambda.")
    version = sys.modules[__package__].__version__  # imported already
    parser.add_argument("--version", action="version", version=f"%(prog)s {version}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_dev(commands)
    add_invoke(commands)
    add_doctor(commands)
    add_package(commands)
    add_deployment(partial(add_command, commands), run_deployment)
    add_run(commands)
    add_completion(commands)
    return parser


def add_command(
    commands: _SubParsersAction[ArgumentParser],
    name: str,
    summary: str,
    examples: str,
    extra: str = "",
    arguments: str = "[OPTIONS] TARGET",
) -> ArgumentParser:
    """Describe a command with examples, and with the extra that it needs."""
    from argparse import RawDescriptionHelpFormatter

    needs = f"\nneeds: pip install '{DISTRIBUTION}[{extra}]'" if extra else ""
    return commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        usage=f"%(prog)s {arguments}",
        formatter_class=RawDescriptionHelpFormatter,
        epilog=f"{examples}{needs}",
    )


def add_dev(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Describe ``adapter dev``."""
    summary = "serve the app from a local Lambda function URL"
    dev = add_command(commands, "dev", summary, DEV_EXAMPLES, "dev-server")
    add_function(dev)
    add_environments(dev)
    add_server(dev)
    add_reload(dev)
    add_url(dev)
    dev.set_defaults(command=run_dev)


def add_environments(dev: ArgumentParser) -> None:
    """Describe the execution environments."""
    group = dev.add_argument_group("environments")
    group.add_argument(
        "--max-environments",
        type=positive,
        default=10,
        metavar="N",
        help="maximum of processes, one per concurrent request; more wait (%(default)s)",
    )
    group.add_argument(
        "--concurrency",
        type=positive,
        metavar="N",
        help="be a managed instance: one process, N requests at once; more get 429",
    )
    group.add_argument(
        "--snapstart",
        action="store_true",
        help="as with SnapStart: environments wait in a snapshot until they are used",
    )


def add_server(dev: ArgumentParser) -> None:
    """Describe the ports."""
    group = dev.add_argument_group("server")
    group.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    group.add_argument("--port", type=port, default=8000, help="0: any free one (%(default)s)")
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
    group = dev.add_argument_group("reload")
    group.add_argument(
        "--reload", action="store_true", help="restart when a Python file or a template changes"
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


def add_url(dev: ArgumentParser) -> None:
    """Describe the function URL."""
    group = dev.add_argument_group("function URL")
    group.add_argument(
        "--invoke-mode",
        choices=("response_stream", "buffered"),
        default="response_stream",
        help="the InvokeMode of the URL (%(default)s)",
    )
    group.add_argument(
        "--midstream-error",
        choices=("clean", "abort"),
        default="clean",
        help="the end of a response whose app fails after the head; not documented by AWS "
        "(%(default)s)",
    )
    group.add_argument(
        "--empty-body-hang",
        action="store_true",
        help="keep responses without a body open until the timeout, as some users reported",
    )
    group.add_argument(
        "--hold-last-chunk",
        action="store_true",
        help="deliver each chunk only with the next one, as some users reported",
    )
    group.add_argument(
        "--as-aws",
        action="store_true",
        help="events name AWS's domain, https and port 443 instead of the local ones",
    )


def add_invoke(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Describe ``adapter invoke``."""
    summary = "invoke the app once, without a server; chunks go to stdout as they come"
    invoke = add_command(commands, "invoke", summary, INVOKE_EXAMPLES, "dev-server")
    add_function(invoke)
    request = invoke.add_argument_group("request")
    what = request.add_mutually_exclusive_group(required=True)
    what.add_argument("--path", help="request a path, with query if any: /search?q=x")
    what.add_argument("--event", metavar="FILE", help="send this event as it is; -: from stdin")
    request.add_argument("--method", help="default: GET, or POST with --data")
    request.add_argument(
        "--header", action="append", default=[], metavar="NAME:VALUE", help="may be repeated"
    )
    request.add_argument("--data", help="request body; @FILE reads it from a file, @- from stdin")
    request.add_argument(
        "--snapstart", action="store_true", help="restore the environment as SnapStart does"
    )
    output = invoke.add_argument_group("output")
    output.add_argument("--include", action="store_true", help="status and headers on stderr")
    output.add_argument("--timings", action="store_true", help="a time per chunk on stderr")
    invoke.set_defaults(command=run_invoke)


def add_doctor(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Describe ``adapter doctor``."""
    from .doctor.arguments import EXAMPLES, add_arguments

    summary = "ask an app or a URL for a response, and say whether it streams and why not"
    arguments = "[OPTIONS] TARGET|URL"
    doctor = add_command(commands, "doctor", summary, EXAMPLES, "dev-server", arguments)
    add_arguments(doctor)
    doctor.set_defaults(command=run_doctor)


def add_package(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Describe ``adapter package``."""
    from .package import EXAMPLES, add_arguments

    summary = "make a deployment zip: the app and its dependencies, for Lambda's Linux"
    package = add_command(commands, "package", summary, EXAMPLES, "package")
    add_target(package)
    add_arguments(package)
    package.set_defaults(command=run_package)


def add_run(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Describe ``adapter run``."""
    summary = "be the runtime, inside Lambda or a container"
    run = add_command(commands, "run", summary, RUN_EXAMPLES, arguments="[TARGET]")
    run.add_argument("target", nargs="?", help=f"{MODULE_HELP}; default: $_HANDLER")
    run.set_defaults(command=lambda arguments: run_runtime(arguments.target))


def add_completion(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Describe ``adapter completion``."""
    summary = "print the script with which a shell completes this command line"
    completion = add_command(
        commands, "completion", summary, COMPLETION_EXAMPLES, "completion", "SHELL"
    )
    completion.add_argument("shell", metavar="SHELL", choices=SHELLS, help=", ".join(SHELLS))
    completion.set_defaults(command=run_completion)


def add_target(parser: ArgumentParser) -> None:
    """Describe TARGET."""
    parser.add_argument("target", metavar="TARGET", help=TARGET_HELP)
    parser.add_argument(
        "--factory",
        action="store_true",
        help="TARGET is a function that makes the app: main:create_app",
    )


def add_function(parser: ArgumentParser) -> None:
    """Describe TARGET and the configuration of the function."""
    add_target(parser)
    group = parser.add_argument_group("function")
    group.add_argument(
        "--timeout",
        type=seconds,
        default=30.0,
        metavar="SECONDS",
        help="of an invocation (%(default)s; on AWS 3 by default and at most 5400)",
    )
    group.add_argument(
        "--memory",
        type=positive,
        default=1024,
        metavar="MB",
        help="told to the function, not enforced (%(default)s)",
    )


def positive(text: str) -> int:
    """Read a number of at least 1."""
    return number(text, int, lambda value: value >= 1, "a whole number of at least 1")


def seconds(text: str) -> float:
    """Read a timeout that Lambda allows."""
    wanted = "a number of seconds above 0 and at most 5400"
    return number(text, float, lambda value: 0 < value <= 5400, wanted)


def port(text: str) -> int:
    """Read a port to listen on."""
    return number(text, int, lambda value: 0 <= value <= 65535, "a port from 0 to 65535")


def number(
    text: str, kind: Callable[[str], Number], fits: Callable[[Number], bool], wanted: str
) -> Number:
    """Read a number and check it; the error names the allowed values."""
    from argparse import ArgumentTypeError

    try:
        value = kind(text)
    except ValueError:
        value = None
    if value is None or not fits(value):
        raise ArgumentTypeError(f"{text!r} is not {wanted}")
    return value


def run_dev(arguments: Namespace) -> int:
    """Serve: ``adapter dev``."""
    with needed_extra("dev-server"):
        from .emulator.commands.dev import main as dev
    return dev(arguments)


def run_invoke(arguments: Namespace) -> int:
    """Invoke once: ``adapter invoke``."""
    with needed_extra("dev-server"):
        from .emulator.commands.invoke import main as invoke
    return invoke(arguments)


def run_doctor(arguments: Namespace) -> int:
    """Judge one response: ``adapter doctor``."""
    with needed_extra("dev-server"):
        from .doctor.command import main as doctor
    return doctor(arguments)


def run_package(arguments: Namespace) -> int:
    """Make a zip: ``adapter package``."""
    with needed_extra("package"):
        from .package.command import main as package
    return package(arguments)


def run_deployment(arguments: Namespace) -> int:
    """Work on AWS: ``adapter deploy``, ``adapter destroy``, ``adapter logs``."""
    with needed_extra("deploy"):
        from .deploy.commands import COMMANDS
    return COMMANDS[arguments.deployment](arguments)


def run_completion(arguments: Namespace) -> int:
    """Print a script for a shell: ``adapter completion``."""
    with needed_extra("completion"):
        from shtab import complete
    print(complete(build_parser(), arguments.shell))
    return 0


@contextmanager
def needed_extra(name: str) -> Iterator[None]:
    """Say which extra to install if an import fails.

    Raises:
        ConfigurationError: it failed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        from .errors import ConfigurationError

        raise ConfigurationError(
            f"This command needs {error.name}, which is not installed. "
            f"Try: pip install '{DISTRIBUTION}[{name}]'"
        ) from None
