"""`sim run`: a case to its end."""

from __future__ import annotations

import argparse
import json
from typing import Any

from sim.errors import SimError
from sim.launcher import is_speaker

_TRANSPORTS = ("auto", "serial", "xla", "mpi", "hybrid", "virtual", "auto-sharded")


def add(commands: Any) -> None:
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
    run.add_argument("--no-tune", action="store_true", help="choose both by a rule, without trying them")
    run.add_argument("--blocks", type=int, metavar="N", help="virtual ranks of --transport virtual")
    run.add_argument("--watchdog", type=float, metavar="S", help="seconds without progress that end the run")
    run.add_argument("--coordinator", metavar="HOST:PORT", help="where processes meet without MPI")
    run.add_argument("--processes", type=int, metavar="N", help="how many there are")
    run.add_argument("--process", type=int, metavar="I", help="which one this is, from 0")
    run.add_argument("--devices", type=int, metavar="N", help="devices of this process (virtual ones on CPU)")
    run.add_argument("--process-grid", metavar="x=2,y=2", help="blocks along each axis")
    run.add_argument("--output", metavar="DIR", help="run directory (default: a new one in runs/CASE/)")
    run.add_argument("--overwrite", action="store_true", help="replace the run that --output holds")
    run.add_argument("--monitor", action="store_true", help="keep a picture, monitor.png, and monitor.jsonl up to date")
    run.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    run.add_argument("--print-config", action="store_true", help="print the whole case as TOML and stop")
    run.set_defaults(do=_run)


def _run(arguments: argparse.Namespace) -> int:
    from sim import casefile

    overrides = _overrides(arguments)
    if arguments.print_config:
        text = casefile.to_toml(casefile.load(arguments.case, overrides))
        if is_speaker():
            print(text, end="")
        return 0
    from sim.driver import run

    result = run(
        arguments.case,
        output=arguments.output,
        overwrite=arguments.overwrite,
        overrides=overrides,
        rendezvous=_rendezvous(arguments),
        monitor=arguments.monitor,
        quiet=arguments.json,
    )
    if is_speaker() and not arguments.process:
        print(json.dumps(result.to_dict(), allow_nan=False) if arguments.json else result.summary(), flush=True)
    return 0


def _overrides(arguments: argparse.Namespace) -> list[str]:
    """All that the command line changes of the case, options included."""
    found = list(arguments.overrides)
    for key in ("transport", "halo"):
        if (value := getattr(arguments, key)) is not None:
            found.append(f'parallel.{key}="{value}"')
    for key in ("ghost_depth", "slab", "devices", "blocks", "watchdog"):
        if (value := getattr(arguments, key)) is not None:
            found.append(f"parallel.{key}={value}")
    if arguments.no_tune:
        found.append("parallel.tune=false")
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
