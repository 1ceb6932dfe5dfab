"""The doctor finds what is wrong, calls nothing wrong that isn't, and outlives what it examines."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import jax
import pytest

from sim import doctor
from sim.doctor import company as company_module
from sim.doctor.company import Company, gathered
from sim.doctor.diagnosis import all_well, binding, diagnose, launcher
from sim.doctor.exchanges import GLOO, MPI4JAX, PPERMUTE, measure
from sim.doctor.finding import Finding
from sim.doctor.launching import alone, mpirun_version
from sim.doctor.patient import Facts, answer_of, ask, examine
from sim.doctor.pingpong import ping_pong
from sim.doctor.report import print_json, print_tables, spans
from sim.errors import SimError
from sim.launcher import Launch
from sim.subprocesses import clean_environment, find_mpirun, run_bounded, why_no_mpirun
from sim.team import MpiTeam, Solo
from sim.transport.collectives import NamedAxes

needs_mpi = pytest.mark.skipif(why_no_mpirun() is not None, reason=f"{why_no_mpirun()}")


class FakeTeam(Solo):
    """A team of several of which only its size is of interest."""

    def __init__(self, size: int, rank: int = 0) -> None:
        self.size, self.rank = size, rank


def facts(**changes: Any) -> Facts:
    """A process in the best of health."""
    healthy: Facts = {
        "host": "node1",
        "cpus": [0, 1],
        "cpus_of_host": 8,
        "settings": {"OMP_NUM_THREADS": "2"},
        "jax": {"version": "9.9", "platform": "cpu", "devices": ["cpu 0", "cpu 1"], "threads": 2},
        "h5py": {"version": "3.0", "hdf5": "2.0", "mpio": False},
        "mpi": {"version": "4.0", "library": "MPICH 5.0", "standard": "5.0", "files": ["/lib/libmpi.so.12"]},
        "mpi4jax": {"version": "0.9", "files": ["/lib/libmpi.so.12"]},
        "ppermute": {"seconds": [2e-5, 1e-3]},
    }
    return {**healthy, **changes}


ALONE = Company(None, Solo())
FOUR = Company(Launch("mpich", 0, 4, 0), FakeTeam(4))
FOREIGN = Company(Launch("mpich", 0, 4, 0), Solo(), "mpich started 4 processes, but the world is 1; use another")
NOT_INSTALLED = {"why": "it is not installed; install it", "missing": True}


def findings_of(company: Company, ranks: list[Facts], exchanges: list[Facts] | None = None) -> dict[str, Finding]:
    return {finding.what: finding for finding in diagnose(company, ranks, exchanges or [])}


# -------------------------------------------------------------------------------------------------------- diagnosis


def test_a_healthy_company() -> None:
    found = findings_of(FOUR, [facts(cpus=[rank]) for rank in range(4)])
    assert {finding.state for finding in found.values()} == {"ok"}
    assert "4 ranks on 1 host" in found["launcher"].fact and "MPICH 5.0" in found["MPI library"].fact


@pytest.mark.parametrize(
    ("key", "what"), [("jax", "JAX"), ("h5py", "h5py"), ("mpi", "MPI library"), ("mpi4jax", "mpi4jax")]
)
@pytest.mark.parametrize(
    ("answer", "state"), [({"why": "it fell over (exit status 1)"}, "broken"), (NOT_INSTALLED, "missing")], ids=str
)
def test_what_does_not_work_on_one_rank(key: str, what: str, answer: Facts, state: str) -> None:
    findings = diagnose(FOUR, [facts(), facts(), facts(**{key: answer}), facts()], [])
    found = next(finding for finding in findings if finding.what == what)
    assert found.state == state and found.remedy and "; " not in found.fact
    assert all_well(findings) == (state == "missing")


def test_ranks_that_differ() -> None:
    other = {**facts()["mpi"], "library": "Open MPI 5.0"}
    found = findings_of(FOUR, [facts(), facts(mpi=other), facts(), facts()])["MPI library"]
    assert found.state == "broken" and "rank 1: Open MPI 5.0" in found.fact and found.remedy


def test_the_launcher_of_another_mpi() -> None:
    found = launcher(FOREIGN, [facts()])
    assert (found.state, found.remedy) == ("broken", "use another")


def test_srun_without_mpi_is_a_way_to_run() -> None:
    connected = Company(Launch("srun", 0, 2, 0), FakeTeam(2), "srun started 2 processes; install MPI")
    assert launcher(connected, [facts(mpi=NOT_INSTALLED)]).state == "missing"
    assert launcher(connected, [facts()]).state == "broken"


@pytest.mark.parametrize(
    ("sets", "states"),
    [
        ([[0, 1]], []),
        ([[0], [1]], ["ok"]),
        ([[0, 1], [0, 1]], ["note"]),
        ([[0, 1], [1, 2]], ["note"]),
        ([[0, 1]] * 4, ["note"]),
        ([[], []], []),
    ],
)
def test_binding(sets: list[list[int]], states: list[str]) -> None:
    assert [finding.state for finding in binding([facts(cpus=cpus) for cpus in sets])] == states


def test_binding_goes_by_host() -> None:
    ranks = [facts(host=host, cpus=[0]) for host in ("b", "a", "b", "a")]
    assert [finding.fact.split()[-1] for finding in binding(ranks)] == ["others", "others"]
    assert not list(binding([facts(host="a", cpus=[0]), facts(host="b", cpus=[0])]))


def test_an_exchange_that_fails_is_a_finding_unless_it_follows_from_another() -> None:
    exchanges = [{"transport": GLOO, "why": "timed out"}, {"transport": MPI4JAX, "why": "no MPI", "follows": True}]
    findings = diagnose(FOUR, [facts(cpus=[rank]) for rank in range(4)], exchanges)
    assert [(f.what, f.state) for f in findings if f.state != "ok"] == [(GLOO, "broken")]
    assert findings[-1].remedy


@pytest.mark.parametrize(("value", "wrong"), [("0", True), ("abc", True), ("", True), ("-2", True), ("3", False)])
def test_threads_that_are_no_count_are_a_finding_and_the_network_is_not(value: str, wrong: bool) -> None:
    ranks = [facts(cpus=[0]), facts(cpus=[1], settings={"NPROC": value})]
    failed = [{"transport": GLOO, "why": "killed by SIGABRT"}]
    found = [f for f in diagnose(FOUR, ranks, failed) if f.state != "ok"]
    assert [f.what for f in found] == ["NPROC" if wrong else GLOO]
    assert not wrong or (f"NPROC={value} is no count" in found[0].fact and "unset NPROC" in found[0].remedy)


def test_the_threads_that_are_asked_for_are_a_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.doctor.patient.ask", lambda *_, environment=None: {})
    monkeypatch.setenv("NPROC", "abc")
    assert examine()["settings"]["NPROC"] == "abc"


# ------------------------------------------------------------------------------------------------------------ probes


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


# ------------------------------------------------------------------------------------------------------- ping-pong


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


# --------------------------------------------------------------------------------------------------------- company


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


# ---------------------------------------------------------------------------------------------------------- report


def test_spans() -> None:
    assert spans([]) == "" and spans([3]) == "3" and spans([9, 0, 1, 2, 8]) == "0-2,8-9"


SPEEDS = [
    {"transport": PPERMUTE, "between": "2 devices", "seconds": [2e-5, 1e-3]},
    {"transport": GLOO, "between": "2 processes", "why": "timed out"},
]


def test_a_path_is_shown_to_its_end_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = "/" + 60 * "long" + "/libmpi.so.12"
    monkeypatch.setattr("sim.doctor.report._COLUMNS_IN_A_FILE", 80)
    print_tables(ALONE, [Finding("MPI library", "ok", path)], [facts()], [])
    lines = capsys.readouterr().out.splitlines()
    assert path in "".join(line.split("│")[3].strip() for line in lines if line.count("│") == 4)


def test_the_tables_say_what_the_json_says(capsys: pytest.CaptureFixture[str]) -> None:
    ranks = [facts(cpus=[rank]) for rank in range(4)]
    findings = diagnose(FOUR, ranks, SPEEDS)
    print_json(FOUR, findings, ranks, SPEEDS)
    found = json.loads(capsys.readouterr().out)
    assert not found["ok"] and len(found["ranks"]) == 4 and found["exchanges"] == SPEEDS
    print_tables(FOUR, findings, ranks, SPEEDS)
    said = capsys.readouterr().out
    for finding in found["findings"]:
        assert finding["what"] in said and finding["state"] in said
    # 4 MiB in a millisecond.
    assert " 20 " in said and " 4.19 " in said and "2 × cpu" in said and "OMP_NUM_THREADS=2" in said
    assert said.endswith(f"broken: {GLOO}\n")


# --------------------------------------------------------------------------------------------------- whole program


def doctor_json(*before: str, environment: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    finished = run_bounded([*before, sys.executable, "-m", "sim", "doctor", "--json"], 300, environment)
    assert finished.stdout, finished.stderr
    return finished.returncode, json.loads(finished.stdout.splitlines()[-1])


@needs_mpi
@pytest.mark.mpi
@pytest.mark.long
def test_alone() -> None:
    code, found = doctor_json()
    assert code == 0 and found["ok"] and found["launch"] is None and len(found["ranks"]) == 1
    assert all(len(speed["seconds"]) == 2 for speed in found["exchanges"])


@needs_mpi
@pytest.mark.mpi
@pytest.mark.long
def test_among_ranks() -> None:
    code, found = doctor_json(find_mpirun() or "", "-n", "2")
    assert code == 0 and found["ok"] and found["launch"]["size"] == 2 and len(found["ranks"]) == 2
    assert [speed["between"] for speed in found["exchanges"][1:]] == ["2 ranks", "2 processes"]
    assert all(len(speed["seconds"]) == 2 for speed in found["exchanges"])


@needs_mpi
@pytest.mark.mpi
def test_the_probes_of_mpi() -> None:
    mpi, mpi4jax = ask("mpi"), ask("mpi4jax")
    assert mpi["library"] and mpi4jax["files"] == mpi["files"]
    assert answer_of(run_bounded([find_mpirun() or "", "-n", "3", *alone("world", "mpi4py")], 60))["size"] == 3
    pretended = {**clean_environment(), "PMI_RANK": "0", "PMI_SIZE": "2"}
    pretended.update({"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"})
    assert "world of 1" in answer_of(run_bounded(alone("world"), 60, pretended))["why"]
    assert os.environ.get("PMI_RANK") is None
