"""One batch job: what is asked of SLURM, what it runs, and so the script that does it."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sim import casefile
from sim.batch import options, template
from sim.batch.duration import notice_of, seconds_of
from sim.case import Case, ParallelTable
from sim.errors import SimError
from sim.output import rundir
from sim.transport_name import check_ranks

_WORD = re.compile(r"[\w.@+,:%-]+", re.ASCII)
# Keys that each link of a chain is told, the first as the others.
_OF_A_LINK = ("parallel.", "checkpoint.time_limit")


@dataclass(frozen=True)
class Job:
    """A case on nodes × ranks_per_node ranks for at most `time`, in one of SLURM's formats.

    case, overrides, output: as `sim run` takes them; without an output directory the script names one by the job.
    gpus: of a node.  chain: stop before the time is up, and go on in the next job, until the case is done.
    options: more for sbatch, such as "--qos=debug".

    Raises SimError where the case is bad, where the run would refuse it, as far as that is known without its nodes and
    the fields of a large grid, where `output` holds a run, or where SLURM would not understand what is asked.
    """

    case: str
    nodes: int
    ranks_per_node: int
    time: str
    partition: str | None = None
    account: str | None = None
    gpus: int | None = None
    chain: bool = False
    output: str | None = None
    overrides: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, count in (("nodes", self.nodes), ("gpus", self.gpus), ("ranks-per-node", self.ranks_per_node)):
            if count is not None and count < 1:
                raise SimError(f"--{name} is a number from 1; got {count}")
        seconds_of(self.time)
        for name, word in (("partition", self.partition), ("account", self.account)):
            if word is not None and not _WORD.fullmatch(word):
                raise SimError(f"--{name} is a name that SLURM knows (sinfo, sacctmgr); got {word!r:.80}")
        options.check(self._asked, self.gpus, self.chain)

    def script(self) -> str:
        """The whole batch script."""
        return self._using_its_cpus()._filled()

    def _filled(self) -> str:
        case = casefile.load(self.case, self.overrides)
        self._check(case)
        text = template.read("chain.sbatch" if self.chain else self._of_one_link(case))
        return template.fill(text, self._directives(case), self._settings(case))

    def _using_its_cpus(self) -> Job:
        """The job, where XLA connects processes on CPUs, with a device for each CPU that they get.

        Unless the case says how many, or is for one block.
        """
        case = casefile.load(self.case, self.overrides)
        told = case.parallel.devices is not None or case.time.integrator == "spectral"
        if case.parallel.transport != "xla" or self.gpus is not None or told:
            return self
        cpus = self._asked.get("cpus-per-task") or self._cpus(case)
        return replace(self, overrides=(*self.overrides, f"parallel.devices={cpus}"))

    def _check(self, case: Case) -> None:
        """What the job would be refused for when it starts, after hours in the queue."""
        ranks = self.nodes * self.ranks_per_node
        check_ranks(case.parallel.transport, ranks)
        self._check_gpus(case.parallel)
        # JAX takes its time, and `sim launcher` has no use for it.
        import jax

        from sim import platform
        from sim.plan.foresight import foresee
        from sim.problem import build

        with _environment_kept():
            # Where sbatch is called there may be no accelerator, or one that is others'.
            jax.config.update("jax_platforms", "cpu")
            platform.configure()
            foresee(build(case), ranks * self._devices(case.parallel))
        if self.output is not None and (Path(self.output) / rundir.RECORD).exists():
            raise SimError(f"--output {self.output} already holds a run; give another directory")

    def _check_gpus(self, wish: ParallelTable) -> None:
        """As a run takes them: of several processes each one of its own, or all that its node has."""
        if self.gpus is None or self._has_all(wish):
            return
        one_each = wish.transport in ("auto", "mpi") and wish.devices is None
        wanted = self.gpus if one_each else 1
        if self.ranks_per_node != wanted:
            raise SimError(
                f"--ranks-per-node {self.ranks_per_node} doesn't go with --gpus {self.gpus}, where "
                f"{'a rank takes one GPU' if one_each else 'a process takes the GPUs of its node'}; "
                f"give --ranks-per-node {wanted}"
            )

    def _has_all(self, wish: ParallelTable) -> bool:
        """Whether there is but one process, whose devices XLA connects."""
        return self.nodes * self.ranks_per_node == 1 and wish.transport != "mpi"

    def _devices(self, wish: ParallelTable) -> int:
        """Of each process."""
        if wish.devices is not None or self.gpus is None:
            return wish.devices or 1
        connected = wish.transport in ("xla", "hybrid") or (wish.transport == "auto" and self._has_all(wish))
        return self.gpus if connected else 1

    def _of_one_link(self, case: Case) -> str:
        """The script that runs the case where one job is enough."""
        if case.parallel.transport == "xla":
            return "run-multihost-xla.sbatch"
        return "run-cpu.sbatch" if self.gpus is None else "run-gpu.sbatch"

    def _cpus(self, case: Case) -> str:
        """Of each rank, unless sbatch is told otherwise; those of a chain have as many as without it."""
        if case.parallel.devices is not None and self.gpus is None:
            return str(case.parallel.devices)
        return template.value_of(template.read(self._of_one_link(case)), "cpus-per-task")

    def _directives(self, case: Case) -> dict[str, str | None]:
        found: dict[str, str | None] = {
            "job-name": case.name,
            "nodes": str(self.nodes),
            "ntasks-per-node": str(self.ranks_per_node),
            "cpus-per-task": self._cpus(case),
            "time": self.time,
        }
        optional = {"partition": self.partition, "account": self.account, "gpus-per-node": self.gpus}
        found.update({name: str(value) for name, value in optional.items() if value is not None})
        asked = self._asked
        if self.chain:
            found["signal"] = f"B:USR1@{notice_of(self.time, asked.get('signal'))}"
        found.update({name: None if value is None else shlex.quote(value) for name, value in asked.items()})
        return found

    @property
    def _asked(self) -> dict[str, str | None]:
        """What the options say, by name."""
        return options.read(self.options)

    def _settings(self, case: Case) -> dict[str, str]:
        found = {
            "python": shlex.quote(sys.executable),
            "case": shlex.quote(self._case_from_anywhere()),
        }
        if self.output is not None:
            found["output"] = shlex.quote(self.output)
        overrides = self.overrides
        if self.chain:
            overrides = tuple(override for override in overrides if not override.strip().startswith(_OF_A_LINK))
            found["parallel"] = _set(_placing(case))
            if case.parallel.transport == "xla":
                found["launch"] = '"srun --mpi=none --cpus-per-task=$SLURM_CPUS_PER_TASK --wait=60"'
        found["options"] = _set(overrides)
        return found

    def _case_from_anywhere(self) -> str:
        builtin = self.case in casefile.builtin_names()
        return self.case if builtin else str(Path(self.case).resolve())


@contextmanager
def _environment_kept() -> Iterator[None]:
    """What JAX is told here by variables is no word of the user's; sbatch would hand them to the job."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _placing(case: Case) -> Iterator[str]:
    """What a case says of where to run, and for how long: a run that is resumed has forgotten it."""
    if case.checkpoint.time_limit is not None:
        yield f"checkpoint.time_limit={json.dumps(case.checkpoint.time_limit)}"
    for key, value in case.parallel.model_dump(exclude_defaults=True).items():
        if isinstance(value, dict):
            yield from (f"parallel.{key}.{axis}={blocks}" for axis, blocks in value.items())
        else:
            yield f"parallel.{key}={json.dumps(value)}"


def _set(overrides: Iterable[str]) -> str:
    """An array of bash's: the options that change a case so."""
    return f"({shlex.join(word for override in overrides for word in ('--set', override))})"
