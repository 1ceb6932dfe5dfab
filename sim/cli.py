"""The command line: `python -m sim run [CASE]`, `cases`, `verify --transports`, `doctor`, `bench`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
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
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_run(commands)
    _add_cases(commands)
    _add_verify(commands)
    _add_doctor(commands)
    _add_bench(commands)
    return parser


def _add_run(commands: Any) -> None:
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
    run.add_argument("--slab", type=int, metavar="N", help="layers of cells stepped together in cache, 0: all")
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
    run.set_defaults(do=_run)


def _add_cases(commands: Any) -> None:
    commands.add_parser("cases", help="list the built-in cases").set_defaults(do=_cases)


def _add_verify(commands: Any) -> None:
    verify = commands.add_parser(
        "verify",
        help="run one case every way and compare the fields",
        description="Run one case by every transport, each a program of its own, and compare the final fields to the "
        "bit.  Exit status 0: all that can run here are equal; 1: one differs or fails.",
    )
    verify.add_argument("--transports", action="store_true", required=True, help="what is compared")
    verify.add_argument(
        "case", nargs="?", help="a built-in case or a TOML file (default: a small one with all kinds of walls)"
    )
    verify.add_argument("--json", action="store_true", help="print all that came of it as one JSON object")
    verify.set_defaults(do=_verify)


def _add_doctor(commands: Any) -> None:
    doctor = commands.add_parser(
        "doctor",
        help="see what is installed and whether it fits together",
        description="Examine MPI, its launcher, mpi4jax, JAX's devices, h5py, binding, and the speed of each "
        "transport; alone, or all ranks of mpirun or srun together.  Exit status 0: all is well, or something "
        "optional isn't installed; 1: something that is installed, or asked for by starting ranks, doesn't work.",
    )
    doctor.add_argument("--json", action="store_true", help="print the findings as one JSON object")
    doctor.set_defaults(do=_doctor)


def _add_bench(commands: Any) -> None:
    bench = commands.add_parser(
        "bench",
        help="measure the time loop beside memcpy and other ways to write it",
        description="Run the same steps by halostep, by C with OpenMP, and by each of Devito, numba, torch and numpy "
        "that is installed, in turn, and print medians and ratios.  Exit status 1: an answer was wrong.",
    )
    bench.add_argument("--quick", action="store_true", help="smaller grids: under three minutes on two cores")
    bench.add_argument("--json", action="store_true", help="print all that was measured as one JSON object")
    bench.add_argument("--plot", type=Path, metavar="FILE", help="draw a bar chart, as PNG")
    bench.set_defaults(do=_bench)


def _overrides(arguments: argparse.Namespace) -> list[str]:
    """All that the command line changes of the case, options included."""
    found = list(arguments.overrides)
    for key in ("transport", "halo"):
        if (value := getattr(arguments, key)) is not None:
            found.append(f'parallel.{key}="{value}"')
    for key in ("ghost_depth", "slab", "devices", "blocks", "watchdog"):
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


def _run(arguments: argparse.Namespace) -> int:
    from sim import casefile

    overrides = _overrides(arguments)
    if arguments.print_config:
        text = casefile.to_toml(casefile.load(arguments.case, overrides))
        if _is_speaker():
            print(text, end="")
        return 0
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
    return 0


def _cases(_: argparse.Namespace) -> int:
    from sim import casefile

    if _is_speaker():
        for name in casefile.builtin_names():
            mark = "  (default)" if name == casefile.DEFAULT else ""
            print(f"{name:<12} {casefile.load(name).title}{mark}")
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    from sim.verify import verify

    return verify(arguments.case, arguments.json)


def _doctor(arguments: argparse.Namespace) -> int:
    from sim.doctor import doctor

    return doctor(arguments.json)


def _bench(arguments: argparse.Namespace) -> int:
    from sim.bench import bench

    return bench(arguments.quick, arguments.json, arguments.plot)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, do, and return the exit status.  SimErrors become one message; anything else is a bug and raises."""
    try:
        parsed = _parser().parse_args(arguments)
        return int(parsed.do(parsed))
    except SimError as error:
        if _is_speaker():
            print(f"sim: error: {error}", file=sys.stderr, flush=True)
        return EXIT_USER_ERROR


def entry() -> NoReturn:
    """The process's own main: a bug or an interrupt on one rank ends all ranks."""
    if not _is_speaker() and {"-h", "--help"} & set(sys.argv):
        sys.exit(0)
    try:
        code = main()
        # Now, while somebody is there to hear that it failed.
        sys.stdout.flush()
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
