"""The command line: `python -m sim COMMAND`, its messages and its exit statuses."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from typing import NoReturn

from sim.commands import COMMANDS
from sim.errors import SimError, Stopped
from sim.heap import keep_freed_memory
from sim.launcher import is_speaker
from sim.membership import EXIT_BUG, EXIT_INTERRUPTED, abort
from sim.spoken import Spoken, UnheardError, open_closed_streams

EXIT_USER_ERROR = 2
EXIT_RESUMABLE = 75
# Of a program that SIGPIPE ended: no answer of `compare` or `info`.
EXIT_UNHEARD = 141


class _Parser(argparse.ArgumentParser):
    """Reports like everything else: one message, from one rank."""

    def error(self, message: str) -> NoReturn:
        raise SimError(f"{message}; see {self.prog} --help")


def _parser() -> _Parser:
    parser = _Parser(prog="sim", description="Stencil simulations in JAX, on one core or many ranks.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, do, and return the exit status.  SimErrors become one message; anything else is a bug and raises."""
    try:
        return _done(arguments)
    except Stopped as stopped:
        if is_speaker():
            print(f"sim: {stopped}", file=sys.stderr, flush=True)
        return EXIT_RESUMABLE
    except SimError as error:
        if is_speaker():
            print(f"sim: error: {error}", file=sys.stderr, flush=True)
        return EXIT_USER_ERROR


def _done(arguments: Sequence[str] | None) -> int:
    """What the command returns, or the end that `--help` makes."""
    try:
        parsed = _parser().parse_args(arguments)
        return int(parsed.do(parsed))
    finally:
        # Now, while somebody is there to hear that it failed.
        sys.stdout.flush()


def entry() -> NoReturn:
    """The process's own main: a bug or an interrupt on one rank ends all ranks."""
    open_closed_streams()
    if not is_speaker() and {"-h", "--help"} & set(sys.argv):
        sys.exit(0)
    # Here, before there are other threads.
    keep_freed_memory()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout = Spoken.instead_of(sys.stdout)
    try:
        code = main()
    except KeyboardInterrupt:
        # Without Python's end: what XLA was compiling breaks as it is taken down, and the exit status with it.
        _end_all(EXIT_INTERRUPTED, "interrupted" if is_speaker() else "", os._exit)
    except UnheardError:
        code = EXIT_UNHEARD
    except Exception:
        _end_all(EXIT_BUG, traceback.format_exc())
    sys.exit(code)


def _end_all(code: int, message: str, leave: Callable[[int], NoReturn] = sys.exit) -> NoReturn:
    if message:
        print(message, file=sys.stderr, flush=True)
    abort(code)
    leave(code)
