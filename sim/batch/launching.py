"""How ranks are started inside a SLURM job: by the first launcher whose ranks find each other."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sim.doctor.launching import alone
from sim.errors import SimError
from sim.subprocesses import Finished, run_bounded, with_our_package

_SECONDS = 120.0
_END = "--wait=60"
# The process managers that an MPI library speaks, the likeliest first; what srun offers and can't load is found out.
_SPOKEN = {"Open MPI": ("pmix", "pmi2"), "Cray": ("cray_shasta", "pmi2", "pmix")}
_OTHERS_SPEAK = ("pmi2", "pmix", "cray_shasta")


@dataclass(frozen=True)
class Allocation:
    """What SLURM has given a job: so many tasks on so many nodes."""

    tasks: int
    nodes: int

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Allocation:
        tasks = environment.get("SLURM_NTASKS", "")
        nodes = environment.get("SLURM_NNODES", "")
        if not tasks.isdecimal() or not nodes.isdecimal():
            raise SimError(
                "this is no SLURM job that says how many tasks it has (SLURM_NTASKS isn't set); "
                "submit one with --ntasks or --ntasks-per-node, or start ranks yourself: mpirun -n 4"
            )
        return cls(int(tasks), int(nodes))

    def sample(self) -> Allocation:
        """Two ranks, on two nodes where there are as many: enough to see whether ranks find each other."""
        return Allocation(min(2, self.tasks), min(2, self.nodes))


def launcher(environment: Mapping[str, str] = os.environ) -> str:
    """The words before `python -m sim run` that start all ranks of this job, such as "srun --mpi=pmi2 --wait=60".

    Each candidate starts two ranks first: what `srun --mpi=list` shows may be of another MPI than mpi4py's, or lack
    its own library.  Raises SimError outside of a job, and where no launcher works, with what each of them said.
    """
    allocation = Allocation.of(environment)
    refused = []
    for words in _candidates(environment):
        finished = _try(words, allocation.sample(), environment)
        if _found_each_other(finished, allocation.sample().tasks):
            return f"{words} {_for_all(words, allocation, environment)}"
        refused.append(f"\n  {words}: {finished.complaint()}")
    raise SimError(
        f"no launcher starts ranks that find each other:{''.join(refused)}\n"
        f"build against the cluster's MPI (SIM_MPI=system bash scripts/bootstrap.sh), or do without: "
        f"scripts/run-multihost-xla.sbatch"
    )


def _for_all(words: str, allocation: Allocation, environment: Mapping[str, str]) -> str:
    if words == "mpirun":
        return f"-n {allocation.tasks}"
    # srun takes the tasks from the job, but their CPUs only where it is told; and ends those that wait for a rank
    # that was killed.
    cpus = environment.get("SLURM_CPUS_PER_TASK", "")
    return f"--cpus-per-task={cpus} {_END}" if cpus.isdecimal() else _END


def _candidates(environment: Mapping[str, str]) -> Iterator[str]:
    # Some versions of srun list to one stream, some to the other.
    listed = run_bounded(["srun", "--mpi=list"], _SECONDS, environment)
    offered = set(re.findall(r"\b(?:pmix|pmi2|cray_shasta)\b", listed.stdout + listed.stderr))
    yield from (f"srun --mpi={manager}" for manager in _spoken() if manager in offered)
    yield "mpirun"


def _spoken() -> Sequence[str]:
    """By mpi4py's library, which is loaded in a process that knows of no launcher, and not started."""
    return spoken_by(run_bounded(alone("mpi"), _SECONDS).stdout)


def spoken_by(library: str) -> Sequence[str]:
    """The process managers that an MPI library speaks, by its name."""
    return next((managers for vendor, managers in _SPOKEN.items() if vendor in library), _OTHERS_SPEAK)


def _try(words: str, sample: Allocation, environment: Mapping[str, str]) -> Finished:
    command = [*words.split(), "-n", str(sample.tasks)]
    if command[0] == "srun":
        command += ["-N", str(sample.nodes), "--kill-on-bad-exit=1"]
    return run_bounded([*command, *alone("world")], _SECONDS, with_our_package(environment))


def _found_each_other(finished: Finished, tasks: int) -> bool:
    if finished.returncode != 0:
        return False
    try:
        return bool(json.loads(finished.stdout.splitlines()[-1])["size"] == tasks)
    except (ValueError, LookupError):
        return False
