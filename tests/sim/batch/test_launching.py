"""The launcher whose ranks find each other, among fakes that do or don't."""

from __future__ import annotations

import os

import pytest

from sim import cli
from sim.batch import launcher, launching
from sim.errors import SimError

from .conftest import Machine

IN_A_JOB = {"SLURM_NTASKS": "8", "SLURM_NNODES": "4"}
LISTED = "print('MPI plugin types are...\\n\\tpmix\\n\\tnone\\n\\tpmi2', file=sys.stderr)"


def finds(size: int) -> str:
    return f"print(json.dumps({{'size': {size}}}))"


def srun(works: str) -> str:
    """An srun that offers pmix and pmi2, and whose ranks find each other by the one that works."""
    given = "sys.argv[1].removeprefix('--mpi=')"
    return f"given = {given}\nif given == 'list': {LISTED}\nelse: {finds(2)} if given == {works!r} else {finds(1)}"


@pytest.mark.parametrize(
    ("library", "works", "first"), [("MPICH 5", "pmix", "pmi2"), ("Open MPI 5", "pmi2", "pmix"), ("", "pmi2", "pmi2")]
)
def test_the_srun_whose_ranks_find_each_other(
    library: str, works: str, first: str, on_path: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "_spoken", lambda: launching.spoken_by(library))
    on_path.install("srun", srun(works))
    job = {**IN_A_JOB, "PATH": os.environ["PATH"]}
    assert launcher(job) == f"srun --mpi={works} --wait=60"
    assert launcher({**job, "SLURM_CPUS_PER_TASK": "6"}) == f"srun --mpi={works} --cpus-per-task=6 --wait=60"
    asked = [call for call in on_path.calls("srun") if call != ["--mpi=list"]]
    assert asked[0][0] == f"--mpi={first}" and asked[0][1:5] == ["-n", "2", "-N", "2"]


def test_mpirun_where_no_srun_serves(on_path: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "_spoken", lambda: ("pmi2",))
    on_path.install("srun", srun("none"))
    on_path.install("mpirun", finds(2))
    assert launcher({**IN_A_JOB, "PATH": os.environ["PATH"]}) == "mpirun -n 8"


def test_no_launcher_at_all(on_path: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "_spoken", lambda: ("pmi2",))
    with pytest.raises(SimError, match=r"mpirun: .*can't be started(?s:.*)SIM_MPI=system"):
        launcher({**IN_A_JOB, "PATH": os.environ["PATH"]})


@pytest.mark.parametrize("environment", [{}, {"SLURM_NTASKS": "x", "SLURM_NNODES": "1"}, {"SLURM_NNODES": "1"}])
def test_no_job(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SimError, match="SLURM_NTASKS"):
        launcher(environment)


def test_the_command_prints_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sim.batch.launcher", lambda: "srun --mpi=pmi2 --wait=60")
    assert cli.main(["launcher"]) == 0
    assert capsys.readouterr().out == "srun --mpi=pmi2 --wait=60\n"
