"""The command line: `python -m sim run [CASE]`, `python -m sim cases`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

from sim.errors import SimError
from sim.launcher import launched

_TRANSPORTS = ("auto", "serial", "xla", "mpi", "hybrid", "virtual", "auto-sharded")

EXIT_USER_ERROR = 2
EXIT_BUG = 1
EXIT_INTERRUPTED = 130


class _Parser(argparse.ArgumentParser):
    """Reports like everything else: one message, from one rank."""

    def error(self, message: str) -> NoReturn:
        raise SimError(f"{message}; see {self.prog} --help")


def _is_speaker() -> bool:
    """Whether this process is the one that talks to the user; known before MPI is."""
    launch = launched()
    return launch is None or launch.rank == 0


def _parser() -> _Parser:
    parser = _Parser(prog="sim", description="Stencil simulations in JAX, on one core or many ranks.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run a case", description="Run a case to its end.")
    run.add_argument("case", nargs="?", default="heat2d", help="a built-in case or a TOML file (default: heat2d)")
    run.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change the case, e.g. --set grid.x.cells=1024; may be repeated",
    )
    run.add_argument("--transport", choices=_TRANSPORTS, help="how blocks reach each other")
    run.add_argument("--halo", choices=("ppermute", "psum"), help="XLA's collective that moves halos")
    run.add_argument("--ghost-depth", type=int, metavar="K", help="steps an exchange (default: measured)")
    run.add_argument("--blocks", type=int, metavar="N", help="virtual ranks of --transport virtual")
    run.add_argument("--watchdog", type=float, metavar="S", help="seconds without progress that end the run")
    run.add_argument("--coordinator", metavar="HOST:PORT", help="where processes meet without MPI")
    run.add_argument("--processes", type=int, metavar="N", help="how many there are")
    run.add_argument("--process", type=int, metavar="I", help="which one this is, from 0")
    run.add_argument("--devices", type=int, metavar="N", help="devices of this process (virtual ones on CPU)")
    run.add_argument("--process-grid", metavar="x=2,y=2", help="blocks along each axis")
    run.add_argument("--output", metavar="DIR", help="run directory (default: a new one in runs/CASE/)")
    run.add_argument("--overwrite", action="store_true", help="replace the run that --output holds")
    run.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    run.add_argument("--print-config", action="store_true", help="print the whole case as TOML and stop")

    commands.add_parser("cases", help="list the built-in cases")
    return parser


def _overrides(arguments: argparse.Namespace) -> list[str]:
    """All that the command line changes of the case, options included."""
    found = list(arguments.overrides)
    for key in ("transport", "halo"):
        if (value := getattr(arguments, key)) is not None:
            found.append(f'parallel.{key}="{value}"')
    for key in ("ghost_depth", "devices", "blocks", "watchdog"):
        if (value := getattr(arguments, key)) is not None:
            found.append(f"parallel.{key}={value}")
    for part in arguments.process_grid.split(",") if arguments.process_grid else ():
        found.append(f"parallel.process_grid.{part.strip()}")
    return found


def _rendezvous(arguments: argparse.Namespace) -> Any:
    given = (arguments.coordinator, arguments.processes, arguments.process)
    if all(value is None for value in given):
        return None
    if any(value is None for value in given):
        raise SimError("--coordinator, --processes and --process go together; give all three to every process")
    from sim.distributed import Rendezvous

    return Rendezvous(*given)


def _run(arguments: argparse.Namespace) -> None:
    from sim import casefile

    overrides = _overrides(arguments)
    if arguments.print_config:
        text = casefile.to_toml(casefile.load(arguments.case, overrides))
        if _is_speaker():
            print(text, end="")
        return
    from sim.driver import run

    result = run(
        arguments.case,
        output=arguments.output,
        overwrite=arguments.overwrite,
        overrides=overrides,
        rendezvous=_rendezvous(arguments),
        quiet=arguments.json,
    )
    if _is_speaker() and not arguments.process:
        print(json.dumps(result.to_dict(), allow_nan=False) if arguments.json else result.summary(), flush=True)


def _cases() -> None:
    from sim import casefile

    if _is_speaker():
        for name in casefile.builtin_names():
            mark = "  (default)" if name == casefile.DEFAULT else ""
            print(f"{name:<12} {casefile.load(name).title}{mark}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, do, and return the exit status.  SimErrors become one message; anything else is a bug and raises."""
    try:
        parsed = _parser().parse_args(arguments)
        if parsed.command == "run":
            _run(parsed)
        else:
            _cases()
    except SimError as error:
        if _is_speaker():
            print(f"sim: error: {error}", file=sys.stderr, flush=True)
        return EXIT_USER_ERROR
    return 0


def entry() -> NoReturn:
    """The process's own main: a bug or an interrupt on one rank ends all ranks."""
    if not _is_speaker() and {"-h", "--help"} & set(sys.argv):
        sys.exit(0)
    try:
        code = main()
    except KeyboardInterrupt:
        _end_all(EXIT_INTERRUPTED, "interrupted" if _is_speaker() else "")
    except BrokenPipeError:
        # The reader of our output has left; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_BUG
    except Exception:
        _end_all(EXIT_BUG, traceback.format_exc())
    sys.exit(code)


def _end_all(code: int, message: str) -> NoReturn:
    from sim.membership import abort

    if message:
        print(message, file=sys.stderr, flush=True)
    abort(code)
    sys.exit(code)
