"""`sim launcher`: how does this job start ranks?"""

from __future__ import annotations

import argparse
from typing import Any

from sim.launcher import is_speaker


def add(commands: Any) -> None:
    launcher = commands.add_parser(
        "launcher",
        help="print what starts ranks in this SLURM job",
        description="Print the words that start all ranks of the SLURM job around it, srun with the PMI that "
        "mpi4py's library speaks, or mpirun; found out by starting two ranks.  The batch scripts ask it.",
    )
    launcher.set_defaults(do=_launcher)


def _launcher(_: argparse.Namespace) -> int:
    from sim.batch import launcher

    words = launcher()
    if is_speaker():
        print(words)
    return 0
