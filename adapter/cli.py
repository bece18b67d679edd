"""The commands of the command line, and their parser. A command is imported when it is called."""

from __future__ import annotations

import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _SubParsersAction
    from collections.abc import Iterator, Sequence
    from typing import TextIO

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
#: as README.md says; by the name of the distribution once the name is registered on PyPI
INSTALL = "pip install '<clone>[{extra}]'"


def build_parser() -> ArgumentParser:
    """Return the parser of the command line."""
    from argparse import ArgumentParser
    from functools import partial

    from .deploy.arguments import add_deployment

    summary = "Stream an ASGI app from AWS Lambda."
    parser = ArgumentParser(prog="adapter", description=summary, allow_abbrev=False)
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
    """Add a command, with its examples and the extra that it needs."""
    from argparse import RawDescriptionHelpFormatter

    needs = f"\nneeds: {INSTALL.format(extra=extra)}" if extra else ""
    command: ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        usage=f"%(prog)s {arguments}",
        allow_abbrev=False,  # a new option could change the meaning of --mem
        formatter_class=RawDescriptionHelpFormatter,
        epilog=f"{examples}{needs}",
    )
    command.set_defaults(refuse=command.error)  # shows the usage of the command
    return command


def add_dev(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command ``adapter dev``."""
    from .emulator.commands.arguments import DEV_EXAMPLES, add_dev_arguments

    summary = "serve a function from a local Lambda"
    arguments = "[OPTIONS] [TARGET]"
    dev = add_command(commands, "dev", summary, DEV_EXAMPLES, "dev-server", arguments)
    add_dev_arguments(dev)
    dev.set_defaults(command=run_dev)


def add_invoke(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command ``adapter invoke``."""
    from .emulator.commands.arguments import INVOKE_EXAMPLES, add_invoke_arguments

    summary = "invoke the app once, without a server; chunks go to stdout as they come"
    invoke = add_command(commands, "invoke", summary, INVOKE_EXAMPLES, "dev-server")
    add_target(invoke)
    add_invoke_arguments(invoke)
    invoke.set_defaults(command=run_invoke)


def add_doctor(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command ``adapter doctor``."""
    from .doctor.arguments import EXAMPLES, add_arguments

    summary = "request a response from an app or a URL, and say whether it streams, or why not"
    arguments = "[OPTIONS] TARGET|URL"
    doctor = add_command(commands, "doctor", summary, EXAMPLES, "dev-server", arguments)
    add_arguments(doctor)
    doctor.set_defaults(command=run_doctor)


def add_package(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command ``adapter package``."""
    from .package import EXAMPLES, add_arguments

    summary = "make a deployment zip: the app and its dependencies, for Lambda's Linux"
    package = add_command(commands, "package", summary, EXAMPLES, "package")
    add_target(package)
    add_arguments(package)
    package.set_defaults(command=run_package)


def add_run(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command ``adapter run``."""
    from .target import MODULE_HELP

    summary = "run the app as the runtime of a function, in Lambda or a container"
    run = add_command(commands, "run", summary, RUN_EXAMPLES, arguments="[TARGET]")
    run.add_argument("target", nargs="?", help=f"{MODULE_HELP}; default: $_HANDLER")
    run.set_defaults(command=run_runtime)


def add_completion(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add the command ``adapter completion``."""
    summary = "print a completion script for a shell"
    completion = add_command(
        commands, "completion", summary, COMPLETION_EXAMPLES, "completion", "SHELL"
    )
    completion.add_argument("shell", metavar="SHELL", choices=SHELLS, help=", ".join(SHELLS))
    completion.set_defaults(command=run_completion)


def add_target(parser: ArgumentParser) -> None:
    """Add the argument TARGET."""
    from .target import TARGET_HELP

    parser.add_argument("target", metavar="TARGET", help=TARGET_HELP)
    parser.add_argument(
        "--factory",
        action="store_true",
        help="TARGET is a function that makes the app: main:create_app",
    )


def say(text: str) -> None:
    """Write progress, a warning or an error; stdout has the result. A full disk is no error."""
    with suppress(OSError):
        sys.stderr.write(f"{text}\n")
    flush_stderr()


def flush_stderr() -> None:
    """Write the rest of stderr, or drop the rest: Python would end with another exit code."""
    try:
        sys.stderr.flush()
    except OSError:
        drop(sys.stderr)


def drop(stream: TextIO) -> None:
    """Let Python drop the rest of stdout or stderr, which it would write when it ends."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def explained(error: Exception, argv: Sequence[str]) -> tuple[str, int] | None:
    """Return a sentence for an error that the user can mend, and the exit code.

    None is for a fault of the adapter, whose traceback is shown.
    """
    import os
    from errno import EACCES, EDQUOT, EFBIG, ELOOP, ENAMETOOLONG, ENOENT, ENOSPC, EPERM

    from .errors import ConfigurationError, DeployError, PackageError

    unusable = EACCES, EPERM, ELOOP, ENAMETOOLONG
    if isinstance(error, ConfigurationError):
        return f"adapter: {error}", 2
    if isinstance(error, DeployError | PackageError):
        return f"adapter {argv[0]}: {error}", 1
    if isinstance(error, OSError) and error.errno in (ENOSPC, EDQUOT, EFBIG):
        advice = "Make room for the output and for temporary files."
        return f"adapter: {error.strerror}. {advice}", 1
    if isinstance(error, OSError) and error.filename and error.errno in unusable:
        advice = "Check its name, its permissions and those of its folders."
        return f"adapter: Cannot open {error.filename}: {error.strerror}. {advice}", 2
    if isinstance(error, FileNotFoundError) and error.filename is None:
        if error.strerror != os.strerror(ENOENT):  # of `tempfile`, which lists folders
            return f"adapter: {error.strerror}. Name a folder: TMPDIR=FOLDER", 2
        with suppress(FileNotFoundError):
            os.getcwd()
            return None
        return "adapter: The working directory has been deleted. Change to another one.", 2
    return None


@contextmanager
def terminated_cleanly() -> Iterator[None]:
    """Let SIGTERM and the end of the terminal end a command as Ctrl-C does: after a cleanup.

    A signal that is ignored, as SIGHUP is under ``nohup``, stays ignored.
    """
    import signal

    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


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
    """Check one response: ``adapter doctor``."""
    with needed_extra("dev-server"):
        from .doctor.command import main as doctor
    return doctor(arguments)


def run_runtime(arguments: Namespace) -> int:
    """Run as a Lambda runtime: ``adapter run``."""
    from .native import run

    return run(arguments.target)


@terminated_cleanly()
def run_package(arguments: Namespace) -> int:
    """Make a zip: ``adapter package``."""
    with needed_extra("package"):
        from .package.command import main as package
    return package(arguments, say)


@terminated_cleanly()
def run_deployment(arguments: Namespace) -> int:
    """Change or read AWS: ``adapter deploy``, ``adapter destroy``, ``adapter logs``."""
    with needed_extra("deploy"):
        from .deploy import command, destroy, logs
    commands = {"deploy": command.main, "destroy": destroy.main, "logs": logs.main}
    return commands[arguments.deployment](arguments, say)


def run_completion(arguments: Namespace) -> int:
    """Print a script for a shell: ``adapter completion``."""
    with needed_extra("completion"):
        from shtab import complete
    print(complete(build_parser(), arguments.shell))
    return 0


@contextmanager
def needed_extra(name: str) -> Iterator[None]:
    """Raise an error that names the extra to install if an import fails.

    Raises:
        ConfigurationError: the import failed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        from .errors import ConfigurationError

        raise ConfigurationError(
            f"This command needs {error.name}, which is not installed. "
            f"Try: {INSTALL.format(extra=name)}"
        ) from None
