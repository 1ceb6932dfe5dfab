"""Where processes without MPI meet."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sim.distributed import Rendezvous, from_slurm
from sim.errors import SimError
from sim.lifeline import Lifeline
from sim.subprocesses import Finished, clean_environment, free_port, run_bounded, with_our_package

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


ALONE = """
import sys
from sim import cli, distributed
distributed._CONNECT_SECONDS = 1
sys.exit(cli.main(sys.argv[1:]))
"""


def started_by_hand(port: int, process: int) -> Finished:
    """One of two processes, of which the other one isn't started."""
    by_hand = ["--transport", "xla", "--coordinator", f"127.0.0.1:{port}", "--processes", "2"]
    command = [sys.executable, "-c", ALONE, "run", "heat2d", *by_hand, "--process", str(process), "--output", "out"]
    return run_bounded(command, 90, with_our_package(clean_environment()))


@pytest.mark.parametrize("process", [0, 1])
def test_who_waits_for_others_in_vain_says_so(process: int) -> None:
    """XLA would abort, with a trace of its stack."""
    done = started_by_hand(port := free_port(), process)
    assert done.returncode == 2, done
    said = f"sim: error: process {process} of 2 has waited 1 s for the others at 127.0.0.1:{port}; start each"
    assert done.stderr.startswith(said) and done.stderr.count("\n") == 1, done


def test_a_port_that_is_taken_is_named() -> None:
    """XLA would crash, or share it with another run's coordinator."""
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        done = started_by_hand(port := taken.getsockname()[1], 0)
    assert done.returncode == 2, done
    assert done.stderr.startswith(f"sim: error: process 0 can't listen at port {port} of --coordinator"), done


def test_a_port_whose_connections_have_ended_is_free() -> None:
    """They wait for a minute in case something is on its way: a run may follow another at once."""
    port = free_port()
    with socket.create_server(("127.0.0.1", port)) as server, socket.create_connection(("127.0.0.1", port)) as ours:
        theirs, _ = server.accept()
        theirs.close()
        ours.recv(1)
    Lifeline(f"127.0.0.1:{port}", 0, lambda process: None).close()
