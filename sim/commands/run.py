"""`sim run`: a case to its end."""

from __future__ import annotations

import argparse
from typing import Any

from sim.commands import options
from sim.launcher import is_speaker
from sim.signals import StopSignals


def add(commands: Any) -> None:
    run = commands.add_parser(
        "run",
        help="run a case",
        description="Run a case to its end.  Exit status 75: stopped before it by a signal or the time limit, "
        "checkpointed, to go on by `sim resume`.",
    )
    run.add_argument("case", nargs="?", default="heat2d", help="a built-in case or a TOML file (default: heat2d)")
    options.add(run, "grid.x.cells=1024")
    run.add_argument(
        "--output", type=options.directory, metavar="DIR", help="run directory (default: a new one in runs/CASE/)"
    )
    run.add_argument("--overwrite", action="store_true", help="replace the run that --output holds")
    run.add_argument("--monitor", action="store_true", help="keep a picture, monitor.png, and monitor.jsonl up to date")
    run.add_argument(
        "--print-config", action="store_true", help="print the whole case as TOML, to be run from anywhere, and stop"
    )
    run.set_defaults(do=_run)


def _run(arguments: argparse.Namespace) -> int:
    overrides = options.overrides(arguments)
    if arguments.print_config:
        from sim import casefile

        text = casefile.to_toml(casefile.load(arguments.case, overrides).with_absolute_files())
        if is_speaker():
            print(text, end="")
        return 0
    # Before JAX is loaded, which takes a while, and where an interrupt may get lost.
    with StopSignals():
        from sim.driver import run

        result = run(
            arguments.case,
            output=arguments.output,
            overwrite=arguments.overwrite,
            overrides=overrides,
            rendezvous=options.rendezvous(arguments),
            monitor=arguments.monitor,
            quiet=arguments.json,
        )
        options.say(result, arguments)
    return 0
