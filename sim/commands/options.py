"""What commands have in common: how files are named; `sim run` and `sim resume`: what of the case is changed, where it
runs, what is printed."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from sim.errors import SimError
from sim.launcher import is_speaker
from sim.transport_name import NAMES


def add(parser: argparse.ArgumentParser, example: str) -> None:
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help=f"change the case, e.g. --set {example}; may be repeated",
    )
    parser.add_argument("--transport", choices=NAMES, help="how blocks reach each other")
    parser.add_argument("--halo", choices=("ppermute", "psum"), help="XLA's collective that moves halos")
    parser.add_argument("--reproducible", action="store_true", help="the same bits of exp and the like too, slower")
    parser.add_argument(
        "--ghost-depth",
        type=int,
        metavar="K",
        help="stages an exchange, of which rk4 has four a step (default: measured)",
    )
    parser.add_argument("--tile", metavar="NxM", help="cells stepped together in cache along the first axes, 0: all")
    parser.add_argument(
        "--tune",
        action=argparse.BooleanOptionalAction,
        help="try both, however short the run; or choose them by a rule (default: try what may pay)",
    )
    parser.add_argument("--blocks", type=int, metavar="N", help="virtual ranks of --transport virtual")
    parser.add_argument("--watchdog", type=float, metavar="S", help="seconds without progress that end the run")
    parser.add_argument(
        "--time-limit",
        metavar="T",
        help="wall time, seconds or 2:00:00, before which to stop with a checkpoint (default: the SLURM job's)",
    )
    parser.add_argument("--coordinator", metavar="HOST:PORT", help="where processes meet without MPI")
    parser.add_argument("--processes", type=int, metavar="N", help="how many there are")
    parser.add_argument("--process", type=int, metavar="I", help="which one this is, from 0")
    parser.add_argument("--devices", type=int, metavar="N", help="devices of this process (virtual ones on CPU)")
    parser.add_argument("--process-grid", metavar="x=2,y=2", help="blocks along each axis")
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")


def directory(text: str) -> str:
    """A directory's name as an argument: an empty one is a variable that isn't set."""
    if not text:
        raise argparse.ArgumentTypeError("no directory is named; name one, or leave the option out")
    return text


def file(text: str) -> Path:
    """A file's name as an argument, likewise."""
    if not text:
        raise argparse.ArgumentTypeError("no file is named; name one, or leave the option out")
    return Path(text)


def overrides(arguments: argparse.Namespace) -> list[str]:
    """All that the command line changes of the case, options included."""
    found = list(arguments.overrides)
    for key in ("transport", "halo"):
        if (value := getattr(arguments, key)) is not None:
            found.append(f'parallel.{key}="{value}"')
    for key in ("ghost_depth", "devices", "blocks", "watchdog"):
        if (value := getattr(arguments, key)) is not None:
            found.append(f"parallel.{key}={value}")
    if arguments.tile is not None:
        if not re.fullmatch(r"(\d+(x\d+)*)?", arguments.tile):
            raise SimError(
                f"--tile takes sizes such as 8x64, or an empty text for whole blocks; got {arguments.tile!r}"
            )
        found.append(f"parallel.tile=[{arguments.tile.replace('x', ',')}]")
    if arguments.tune is not None:
        found.append(f"parallel.tune={str(arguments.tune).lower()}")
    for part in arguments.process_grid.split(",") if arguments.process_grid else ():
        if not re.fullmatch(r"\s*[a-z]+\s*=.*", part):
            raise SimError(f"--process-grid takes blocks along each axis, such as x=2,y=2; got {part!r}")
        found.append(f"parallel.process_grid.{part.strip()}")
    if arguments.reproducible:
        found.append("numerics.reproducible=true")
    if arguments.time_limit is not None:
        found.append(f"checkpoint.time_limit={json.dumps(arguments.time_limit)}")
    return found


def rendezvous(arguments: argparse.Namespace) -> Any:
    given = (arguments.coordinator, arguments.processes, arguments.process)
    if all(value is None for value in given):
        return None
    if any(value is None for value in given):
        raise SimError("--coordinator, --processes and --process go together; give all three to every process")
    from sim.distributed import Rendezvous

    return Rendezvous(*given)


def say(result: Any, arguments: argparse.Namespace) -> None:
    """Print what came of a run, from one process."""
    if is_speaker() and not arguments.process:
        print(json.dumps(result.to_dict(), allow_nan=False) if arguments.json else result.summary(), flush=True)
