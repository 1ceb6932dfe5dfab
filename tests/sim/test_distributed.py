"""Where processes without MPI meet."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sim.distributed import Rendezvous, from_slurm
from sim.errors import SimError
from sim.subprocesses import with_our_package

STEP = {"SLURM_JOB_ID": "17", "SLURM_STEP_ID": "2", "SLURM_NTASKS": "4", "SLURM_PROCID": "3"}


def test_a_step_on_one_node_needs_nobody_to_ask() -> None:
    found = from_slurm({**STEP, "SLURM_NODELIST": "node7"})
    assert found == Rendezvous("node7:61121", 4, 3)
    assert from_slurm({**STEP, "SLURM_NODELIST": "node7", "SLURM_STEP_ID": "3"}).coordinator != found.coordinator


def test_a_steps_own_nodes_and_tasks_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scontrol = tmp_path / "scontrol"
    scontrol.write_text('#!/bin/sh\n[ "$1 $2 $3" = "show hostnames node[3-4]" ] && printf "node3\\nnode4\\n"\n')
    scontrol.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    step = {**STEP, "SLURM_NODELIST": "node[1-9]", "SLURM_STEP_NODELIST": "node[3-4]", "SLURM_STEP_NUM_TASKS": "8"}
    found = from_slurm(step)
    assert found.coordinator.startswith("node3:") and found.processes == 8


def test_a_list_that_nobody_can_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SimError, match=r"node\[1-2\].*scontrol.*--coordinator"):
        from_slurm({**STEP, "SLURM_NODELIST": "node[1-2]"})


@pytest.mark.parametrize(
    "given",
    [
        ("host", 2, 0),
        ("host:port", 2, 0),
        ("host:0", 2, 0),
        ("host:65536", 2, 0),
        (61000, 2, 0),
        ("host:1", 2, 2),
        ("host:1", 0, 0),
        ("host:1", "2", "0"),
        ("host:1", 1.5, 0),
    ],
)
def test_what_is_no_rendezvous(given: tuple[Any, Any, Any]) -> None:
    with pytest.raises(SimError, match="--coordinator|--process"):
        Rendezvous(*given)


CONNECTED = """
import os, signal, time
from sim import distributed, membership, subprocesses
rendezvous = distributed.Rendezvous(f"127.0.0.1:{subprocesses.free_port()}", 1, 0)
with membership.assembled(None, "xla", rendezvous, 1):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(5)
"""


def test_processes_that_xla_connects_are_ended_by_sigterm() -> None:
    """Its preemption service would hear it, and nothing end."""
    env = with_our_package(os.environ)
    done = subprocess.run([sys.executable, "-c", CONNECTED], env=env, capture_output=True, timeout=90, check=False)
    assert done.returncode == -signal.SIGTERM, done.stderr
