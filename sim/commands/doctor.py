"""`sim doctor`: is all well here?"""

from __future__ import annotations

import argparse
from typing import Any


def add(commands: Any) -> None:
    doctor = commands.add_parser(
        "doctor",
        help="see what is installed and whether it fits together",
        description="Examine MPI, its launcher, mpi4jax, JAX's devices, h5py, binding, and the speed of each "
        "transport; alone, or all ranks of mpirun or srun together.  Exit status 0: all is well, or something "
        "optional isn't installed; 1: something that is installed, or asked for by starting ranks, doesn't work.",
    )
    doctor.add_argument("--json", action="store_true", help="print the findings as one JSON object")
    doctor.set_defaults(do=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    from sim.doctor import doctor

    return doctor(arguments.json)
