"""The batch scripts on a real SLURM: each gives what the same run gives here, in this process, to the bit."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import h5py
import numpy as np
import pytest

import sim
from sim.batch import template

from .cluster import FINAL, Cluster

SMALL = {"nodes": "2", "ntasks-per-node": "2", "cpus-per-task": "1", "time": "5", "output": "log"}


@pytest.fixture
def edited(tmp_path: Path, case: Path) -> Callable[..., Path]:
    """edited(script, directives, NAME=…) → a user's copy of it, as small as the test needs it."""

    def edit(name: str, directives: Mapping[str, str | None], **settings: str) -> Path:
        here = {"python": shlex.quote(sys.executable), "case": shlex.quote(str(case)), "output": "out"}
        path = tmp_path / name
        path.write_text(template.fill(template.find(name).read_text(), directives, {**here, **settings}))
        return path

    return edit


def run_as_job(cluster: Cluster, script: Path) -> str:
    """Submit and wait; what the job has said."""
    job = cluster.submit(script)
    ended = cluster.wait_for(job, FINAL)
    log = (script.parent / "log").read_text()
    assert ended["JobState"] == "COMPLETED", f"{ended}\n{log}"
    return log


def check_equal(directory: Path, case: Path, *overrides: str) -> None:
    direct = sim.run(case, overrides=["parallel.transport=serial", *overrides], output=directory.parent / "direct")
    with h5py.File(directory / "results.h5") as found, h5py.File(direct.directory / "results.h5") as expected:
        np.testing.assert_array_equal(found["time"][:], expected["time"][:])
        assert len(expected["u"]) > 1 and found["u"][:].tobytes() == expected["u"][:].tobytes()


@pytest.mark.parametrize("launch", ['""', "'mpirun -n 4'"], ids=["found out", "mpirun"])
def test_cpu(launch: str, cluster: Cluster, edited: Callable[..., Path], case: Path, tmp_path: Path) -> None:
    log = run_as_job(cluster, edited("run-cpu.sbatch", SMALL, launch=launch))
    assert "mpi, 4 ranks" in log
    check_equal(tmp_path / "out", case)


def test_multihost_xla(cluster: Cluster, edited: Callable[..., Path], case: Path, tmp_path: Path) -> None:
    one_a_node = {**SMALL, "ntasks-per-node": "1"}
    log = run_as_job(cluster, edited("run-multihost-xla.sbatch", one_a_node, options="(--devices 2)"))
    assert "xla, 2 ranks" in log
    check_equal(tmp_path / "out", case)


def test_ensemble(cluster: Cluster, edited: Callable[..., Path], case: Path, tmp_path: Path) -> None:
    """Two members that have a value, and a third that has none."""
    script = edited("ensemble-array.sbatch", {"time": "5", "array": "0-2", "output": "%a.log"}, values="(0.5 0.25)")
    job = cluster.submit(script)
    states = [cluster.wait_for(f"{job}_{member}", FINAL) for member in range(3)]
    assert [state["JobState"] for state in states] == ["COMPLETED", "COMPLETED", "FAILED"], states
    assert "--array=0-1" in (tmp_path / "2.log").read_text()
    for member, alpha in enumerate((0.5, 0.25)):
        check_equal(tmp_path / "out" / str(member), case, f"equation.alpha={alpha}")
        (tmp_path / "out" / "direct").rename(tmp_path / "out" / f"direct{member}")
    assert not (tmp_path / "out" / "2").exists()


def test_gpu_is_accepted(cluster: Cluster, edited: Callable[..., Path], tmp_path: Path) -> None:
    """There may be no GPU here, so that SLURM only says whether and where it would run."""
    two_a_node = {"nodes": "2", "gpus-per-node": "2", "ntasks-per-node": "2", "cpus-per-task": "1"}
    said = cluster.command("sbatch", "--test-only", str(edited("run-gpu.sbatch", two_a_node)), cwd=tmp_path)
    assert said.returncode == 0 and "using 4 processors" in said.stderr, said
    said = cluster.command("sbatch", "--test-only", "--gpus-per-node=3", str(tmp_path / "run-gpu.sbatch"), cwd=tmp_path)
    assert said.returncode != 0, said
