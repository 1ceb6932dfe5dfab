"""Probes of a process and of its exchanges are answers, whatever becomes of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import jax
import pytest

from sim.doctor.company import Company
from sim.doctor.exchanges import MPI4JAX, PPERMUTE, measure
from sim.doctor.launching import mpirun_version
from sim.doctor.patient import Facts, answer_of, ask, examine
from sim.doctor.pingpong import ping_pong
from sim.errors import SimError
from sim.launcher import Launch
from sim.subprocesses import clean_environment, run_bounded
from sim.team import MpiTeam, Solo
from sim.transport.collectives import NamedAxes
from tests.sim.doctor.patients import ALONE, FakeTeam, facts

# --------------------------------------------------------------------------------------------------------------- probes


def test_a_probe_that_dies_is_an_answer() -> None:
    killed = run_bounded([sys.executable, "-c", "import os; os.kill(os.getpid(), 11)"], 30)
    assert "SIGSEGV" in answer_of(killed)["why"]
    silent = run_bounded([sys.executable, "-c", "print('nothing')"], 30)
    assert "can't be read" in answer_of(silent)["why"]
    late = run_bounded([sys.executable, "-c", "import time; time.sleep(60)"], 0.5)
    assert "time was up" in answer_of(late)["why"]


def test_the_probes_that_need_no_mpi() -> None:
    assert ask("jax", environment={**clean_environment(), "JAX_PLATFORMS": "cpu"})["devices"] == ["cpu 0"]
    assert ask("h5py")["mpio"] in (True, False)
    assert all(seconds > 0 for seconds in ask("exchange", "xla", "2")["seconds"])


def test_a_process_without_mpi(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("mpi4py", "mpi4jax"):
        monkeypatch.setitem(sys.modules, package, None)
    asked: list[str] = []
    monkeypatch.setattr("sim.doctor.patient.ask", lambda name, *_, environment=None: asked.append(name) or {})
    mine = examine()
    assert asked == ["jax", "h5py", "exchange"]
    assert "missing" in mine["mpi"] and "missing" in mine["mpi4jax"]
    monkeypatch.setattr("sim.doctor.exchanges._two_processes", dict)
    speeds = {speed["transport"]: speed for speed in measure(ALONE, [{**mine, "ppermute": {"seconds": [1.0, 1.0]}}])}
    assert "follows" in speeds[MPI4JAX] and "why" not in speeds[PPERMUTE]


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("HYDRA build details:\n    Version:       5.0.2\n    Release Date: x", "Hydra 5.0.2"),
        ("mpirun (Open MPI) 4.1.4\n\nReport bugs", "mpirun (Open MPI) 4.1.4"),
        ("", "of unknown version"),
    ],
)
def test_what_a_launcher_says_it_is(tmp_path: Any, said: str, version: str) -> None:
    (tmp_path / "mpirun").write_text(f"#!/bin/sh\ncat <<'END'\n{said}\nEND\n")
    (tmp_path / "mpirun").chmod(0o755)
    assert mpirun_version(str(tmp_path / "mpirun")) == version


@pytest.mark.parametrize(
    ("second", "expected"),
    [({"seconds": [1.0, 9.0]}, {"seconds": [1.0, 9.0]}), ({"why": "no"}, {"why": "no"})],
    ids=str,
)
def test_the_slowest_ranks_devices_count(second: Facts, expected: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.doctor.exchanges._among_processes", lambda _: {})
    ranks = [facts(ppermute={"seconds": [2.0, 3.0]}), facts(ppermute=second)]
    found = measure(Company(Launch("srun", 0, 2, 0), FakeTeam(2)), ranks)[0]
    assert found["transport"] == PPERMUTE and expected.items() <= found.items()


# ------------------------------------------------------------------------------------------------------------ ping-pong


@pytest.mark.parametrize(("name", "blocks"), [("xla", 2), ("xla", 3), ("auto-sharded", 4), ("serial", 1)])
def test_strips_arrive(name: Any, blocks: int) -> None:
    assert all(seconds > 0 for seconds in ping_pong(name, Solo(), blocks, blocks, (16, 4096)))


def test_a_strip_to_itself_by_mpi(single_rank_mpi: Any) -> None:
    assert ping_pong("mpi", MpiTeam(single_rank_mpi.COMM_WORLD), 1, None, (64,))[0] > 0


@pytest.mark.parametrize("wrong", [lambda s: s, lambda s: s * 0], ids=["nothing moves", "zeros arrive"])
def test_strips_that_arrive_wrong(wrong: Callable[[jax.Array], jax.Array], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NamedAxes, "shift", lambda self, strip, axis, step: wrong(strip))
    with pytest.raises(SimError, match="other values than were sent"):
        ping_pong("xla", Solo(), 2, 2, (64,))
