"""Who is examined: this process alone, or all that a launcher started."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from sim import doctor
from sim.doctor import company as company_module
from sim.doctor.company import gathered
from sim.doctor.diagnosis import launcher
from sim.subprocesses import run_bounded
from tests.sim.doctor.patients import NOT_INSTALLED, facts


def launched_as(monkeypatch: pytest.MonkeyPatch, rank: int, size: int) -> None:
    monkeypatch.setenv("PMI_RANK", str(rank))
    monkeypatch.setenv("PMI_SIZE", str(size))


def test_started_by_hand_it_is_alone() -> None:
    with gathered(facts()) as company:
        assert company.speaks and company.team.size == 1 and not company.complaint and not company.has_lost_me


@pytest.mark.parametrize("rank", [0, 1])
def test_a_foreign_launcher_is_a_finding_of_one_process(
    rank: int,
    monkeypatch: pytest.MonkeyPatch,
    single_rank_mpi: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    launched_as(monkeypatch, rank, 3)
    monkeypatch.setattr("sim.doctor.patient.examine", facts)
    monkeypatch.setattr("sim.doctor.exchanges._two_processes", lambda: {"seconds": [1e-3, 1e-3]})
    code = doctor.doctor(as_json=True)
    said = capsys.readouterr().out
    if rank == 1:
        assert code == 0 and not said
        return
    found = json.loads(said)
    assert code == 1 and not found["ok"] and found["launch"]["size"] == 3
    broken = [finding for finding in found["findings"] if finding["state"] == "broken"]
    assert [finding["what"] for finding in broken] == ["launcher"]
    assert "3 processes" in broken[0]["fact"] and "that library's mpirun" in broken[0]["remedy"]


def test_ranks_without_mpi_were_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    launched_as(monkeypatch, 0, 2)
    mine = facts(mpi=NOT_INSTALLED)
    with gathered(mine) as company:
        found = launcher(company, [mine])
    assert found.state == "broken" and "not installed" in found.fact and found.remedy == "install it"


def test_it_does_not_wait_for_ever(tmp_path: Any) -> None:
    program = (
        "import time; from sim.doctor import company; from sim.launcher import Launch\n"
        "company._PATIENCE = 0.2\n"
        "with company._patience(Launch('mpich', 1, 4, 1)): time.sleep(60)"
    )
    finished = run_bounded([sys.executable, "-c", program], 30)
    assert finished.returncode == company_module._EXIT_STUCK
    assert finished.complaint().startswith("rank 1 of 4 has waited 0.2 s")
