"""The command line: ``adapter …`` or ``python -m adapter …``.

Every cold start of the native runtime runs ``adapter run``, which does not import the other
commands.
"""

from __future__ import annotations

import sys

from .native import run

TYPE_CHECKING = False  # not from `typing`: see `imports.collector`
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 1 if it fails, 2 for wrong usage."""
    argv = sys.argv[1:] if argv is None else argv
    try:
        return dispatch(argv)
    except KeyboardInterrupt:
        return 130  # as a shell reports it
    except BrokenPipeError:  # the reader of stdout has ended, as `head` does
        from .cli import drop

        drop(sys.stdout)
        return 141  # as a shell reports SIGPIPE
    except Exception as error:
        from .cli import drop, explained, say

        found = explained(error, argv)
        if found is None:
            raise
        if type(error) is OSError and error.filename is None:  # stdout is on a full disk
            drop(sys.stdout)
        say(found[0])
        return found[1]


def dispatch(argv: Sequence[str]) -> int:
    """Find the command and run it."""
    match argv:  # lazy: cold start, which needs no parser
        case ["run"]:
            return run(None)
        case ["run", target] if not target.startswith("-"):
            return run(target)
    from .cli import build_parser, flush_stderr

    prepare_output()
    parser = build_parser()
    if not argv:
        parser.print_help(sys.stderr)
        return 2
    try:
        arguments, unknown = parser.parse_known_args(argv)
        if unknown:
            arguments.refuse(f"unrecognized arguments: {' '.join(unknown)}")
        code: int = arguments.command(arguments)
    finally:
        flush_stderr()
        sys.stdout.flush()  # a broken pipe is an error here, and not when Python ends
    return code


def prepare_output() -> None:
    """Let commands write also if stdout or stderr is closed, or stdout cannot encode a letter."""
    import os
    from io import TextIOWrapper

    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed, as by `>&-`
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the whole process
            setattr(sys, name, stream)
    if isinstance(sys.stdout, TextIOWrapper):  # its encoding may lack an arrow or a name's letter
        sys.stdout.reconfigure(errors="backslashreplace")


if __name__ == "__main__":
    raise SystemExit(main())
