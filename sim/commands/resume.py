"""`sim resume`: a run that was ended, to its end."""

from __future__ import annotations

import argparse
from typing import Any

from sim.commands import options
from sim.signals import StopSignals


def add(commands: Any) -> None:
    resume = commands.add_parser(
        "resume",
        help="go on with a run that was stopped or killed",
        description="Go on from the newest checkpoint that is whole, on any number of ranks and devices, to the same "
        "bytes.  Exit status 75: stopped again before the end.",
    )
    resume.add_argument("directory", metavar="DIR", help="the run's directory")
    resume.add_argument("--monitor", action="store_true", help="keep monitor.png and monitor.jsonl up to date")
    options.add(resume, "time.end=2.0")
    resume.set_defaults(do=_resume)


def _resume(arguments: argparse.Namespace) -> int:
    with StopSignals():  # as for `sim run`
        from sim.driver import resume

        result = resume(
            arguments.directory,
            overrides=options.overrides(arguments),
            rendezvous=options.rendezvous(arguments),
            monitor=arguments.monitor,
            quiet=arguments.json,
        )
        options.say(result, arguments)
    return 0
