"""The doctor finds what is wrong, and calls nothing wrong that isn't."""

from __future__ import annotations

import pytest

from sim.doctor.company import Company
from sim.doctor.diagnosis import all_well, binding, diagnose, launcher
from sim.doctor.exchanges import GLOO, MPI4JAX
from sim.doctor.patient import Facts, examine
from sim.launcher import Launch
from tests.sim.doctor.patients import FOREIGN, FOUR, NOT_INSTALLED, FakeTeam, facts, findings_of


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
