"""A run that is longer than its job: stopped with a checkpoint, requeued, resumed, and the same to the bit."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sim import casefile
from sim.subprocesses import run_bounded

from .cluster import FINAL, Cluster, wait_until
from .test_scripts import check_equal

# Quoted wrongly anywhere, it would be another directory, or several.
ODD = 'it\'s a $HOME; "odd" #name'


@pytest.fixture
def long_case(tmp_path: Path) -> Path:
    """A case that takes seconds on any machine: many exchanges, and many snapshots, each of them synced."""
    settings = ["grid.x.cells=32", "grid.y.cells=24", "time.end=0.003", "time.step=1e-6", "output.every=5e-5"]
    path = tmp_path / "long case.toml"
    path.write_text(casefile.to_toml(casefile.load("heat2d", [*settings, "parallel.ghost_depth=1"])))
    return path


def submit(cluster: Cluster, case: Path, *options: str) -> str:
    """The job's number, of `sim submit` on two nodes of two ranks."""
    shape = ["--nodes", "2", "--ranks-per-node", "2", "--time", "5", "--sbatch=--output=log"]
    said = cluster.command(sys.executable, "-m", "sim", "submit", str(case), *shape, *options, cwd=case.parent)
    assert said.returncode == 0 and said.stdout.startswith("submitted as job "), said
    return said.stdout.split()[3].rstrip(";")


def stop_when_it_steps(cluster: Cluster, job: str, directory: Path, signal: str) -> None:
    """As SLURM does before the time is up: a signal to the batch script alone."""
    wait_until(lambda: (directory / "snapshots" / "1.h5").exists(), 60, cluster.logs)
    said = cluster.command("scancel", "--batch", f"--signal={signal}", job)
    assert said.returncode == 0, said


def test_a_chain_goes_on_until_the_case_is_done(cluster: Cluster, long_case: Path, tmp_path: Path) -> None:
    job = submit(cluster, long_case, "--chain", "--output", ODD)
    stop_when_it_steps(cluster, job, tmp_path / ODD, "USR1")
    ended = cluster.wait_for(job, FINAL)
    log = (tmp_path / "log").read_text()
    assert (ended["JobState"], ended["Restarts"]) == ("COMPLETED", "1"), f"{ended}\n{log}"
    assert "link 1 of the chain: sim run" in log and "link 2 of the chain: sim resume" in log
    check_equal(tmp_path / ODD, long_case)


def test_a_chain_that_is_told_to_end_can_be_resumed(cluster: Cluster, long_case: Path, tmp_path: Path) -> None:
    job = submit(cluster, long_case, "--chain", "--output", "out")
    stop_when_it_steps(cluster, job, tmp_path / "out", "TERM")
    ended = cluster.wait_for(job, FINAL)
    assert (ended["JobState"], ended["ExitCode"], ended["Restarts"]) == ("FAILED", "75:0", "0"), ended
    assert run_bounded([sys.executable, "-m", "sim", "resume", "out"], 60, cwd=tmp_path).returncode == 0
    check_equal(tmp_path / "out", long_case)
