"""Verify compares what it says, sees a difference, and calls nothing equal that it has not seen."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import sim
import sim.verify
from sim import casefile
from sim.errors import SimError
from sim.subprocesses import run_bounded, why_no_mpirun
from sim.transport_name import NAMES
from sim.verify import report
from sim.verify.outcome import Outcome, all_equal, judged
from sim.verify.running import field_digest, run_way
from sim.verify.subject import Subject, own_subject, users_subject
from sim.verify.ways import WAYS, Way

Small = Callable[..., dict[str, Any]]

SERIAL = Outcome("serial", 1, 1, "ran", "", (1, 1), 1, 3.25, "a" * 64)
SAME = replace(SERIAL, way="mpi", ranks=2)
OTHER = replace(SAME, sha256="b" * 64)
ABSENT = Outcome("mpi", 3, 1, "absent", "no mpirun; get one")
FAILED = Outcome("hybrid", 2, 2, "failed", "it fell over")


def possible(_: tuple[str, ...]) -> str | None:
    return None


@pytest.fixture
def subject(small: Small, tmp_path: Path) -> Subject:
    """A case that runs in no time, in a file."""
    table = small((13, 17), numerics__dtype="float32")
    del table["parallel"]
    path = tmp_path / "small.toml"
    path.write_text(casefile.to_toml(casefile.load(table)))
    return users_subject(str(path))


# ------------------------------------------------------------------------------------------------------- judgement


@pytest.mark.parametrize(
    ("outcomes", "equal"),
    [
        ([SERIAL, SAME], True),
        ([SERIAL, SAME, ABSENT], True),
        ([SERIAL, OTHER], False),
        ([SERIAL, SAME, FAILED], False),
        ([SAME, SAME], False),
        ([replace(FAILED, way="serial"), SAME], False),
        ([], False),
    ],
)
def test_what_counts_as_equal(outcomes: list[Outcome], equal: bool) -> None:
    assert all_equal(judged(outcomes)) == equal


def test_each_is_told_whether_it_is_serials() -> None:
    assert [o.equal for o in judged([SERIAL, SAME, OTHER, ABSENT, FAILED])] == [True, True, False, None, None]


def test_every_transport_has_its_way() -> None:
    assert {way.transport for way in WAYS} == set(NAMES) - {"auto"}
    assert WAYS[0].transport == "serial"


def test_our_own_case_is_uneven_and_has_all_kinds_of_walls(tmp_path: Path) -> None:
    case = casefile.load(own_subject(tmp_path).case)
    assert all(axis.cells % parts for axis in case.grid.axes for parts in (2, 3, 4))
    sides = {side.kind for axis in case.boundary.axes for side in (axis.lower, axis.upper)}
    assert sides == {"periodic", "dirichlet", "neumann"}


def test_a_case_that_fixes_where_it_runs_is_refused(small: Small, tmp_path: Path) -> None:
    path = tmp_path / "fixed.toml"
    path.write_text(casefile.to_toml(casefile.load(small(parallel={"transport": "xla", "devices": 2}))))
    with pytest.raises(SimError, match=r"parallel\.devices"):
        users_subject(str(path))


def test_it_is_not_for_launchers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PMI_RANK", "0")
    monkeypatch.setenv("PMI_SIZE", "3")
    with pytest.raises(SimError, match="has started 3 of it"):
        sim.verify.verify()


# --------------------------------------------------------------------------------------------------------- digests


def test_the_digest_is_that_of_the_fields_bytes(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = sim.run(small((5, 7, 11)), output=tmp_path / "run").snapshots[-1]
    with h5py.File(snapshot, "r+") as file:
        values = np.ascontiguousarray(file["u"][0])
        expected = hashlib.sha256(values.tobytes()).hexdigest()
    assert field_digest(snapshot) == expected
    monkeypatch.setattr("sim.verify.running._SLAB_BYTES", 2 * 7 * 11 * 8)
    assert field_digest(snapshot) == expected
    with h5py.File(snapshot, "r+") as file:
        file["u"][0, -1, -1, -1] = np.nextafter(values[-1, -1, -1], np.inf)
    assert field_digest(snapshot) != expected


# ------------------------------------------------------------------------------------------------------- real runs


class Altered(Way):
    """A way that computes something else."""

    def options(self, ndim: int) -> list[str]:
        return [*super().options(ndim), "--set", "equation.alpha=0.7000001"]


@pytest.mark.long
def test_it_sees_a_difference(
    subject: Subject, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ways = (Way("serial", "serial"), Way("virtual", "virtual", blocks=4))
    monkeypatch.setattr(sim.verify, "WAYS", (*ways, Altered("other", "serial")))
    assert sim.verify.verify(subject.case, as_json=True) == 1
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert not found["equal"] and [run["equal"] for run in found["runs"]] == [True, True, False]
    assert found["runs"][1]["process_grid"] == [2, 2]
    assert all(run["teff"] > 0 and len(run["sha256"]) == 64 for run in found["runs"])


def test_a_run_that_fails_says_why(tmp_path: Path) -> None:
    gone = Subject(str(tmp_path / "gone.toml"), 2, "gone")
    outcome = run_way(Way("serial", "serial"), gone, tmp_path / "run", possible)
    assert outcome.status == "failed" and "gone.toml" in outcome.why


def test_a_run_by_another_transport_than_asked_for_is_a_failure(subject: Subject, tmp_path: Path) -> None:
    class Serial(Way):
        def options(self, ndim: int) -> list[str]:
            return ["--transport", "serial"]

    outcome = run_way(Serial("xla", "xla", devices=4), subject, tmp_path / "run", possible)
    assert outcome.status == "failed" and "serial" in outcome.why


def test_what_is_not_installed_is_absent(subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    for way in WAYS:
        if way.start == "mpirun":
            outcome = run_way(way, subject, tmp_path / "run", why_no_mpirun)
            assert outcome.status == "absent" and "mpi4py" in outcome.why and "; pip install" in outcome.why


# ---------------------------------------------------------------------------------------------------------- report


def test_the_table_is_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    report.print_table("a case", judged([SERIAL, OTHER, ABSENT, replace(ABSENT, ranks=4), FAILED]))
    out = capsys.readouterr().out
    rows = [line for line in out.splitlines() if line.startswith("|")]
    assert len(rows) == 7 and len({row.count("|") for row in rows}) == 1
    assert set(rows[1]) <= set("|-: ")
    assert "a" * 16 in rows[2] and " yes " in rows[2] and " NO " in rows[3]
    assert "mpi (3 × 1); mpi (4 × 1): can't run here: no mpirun; get one" in out
    assert "hybrid (2 × 2): FAILED: it fell over" in out
    assert "NOT all the same" in out and "a" * 64 in out


# --------------------------------------------------------------------------------------------------- whole program


@pytest.mark.skipif(why_no_mpirun() is not None, reason=f"{why_no_mpirun()}")
@pytest.mark.mpi
@pytest.mark.long
def test_all_transports_are_equal(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sim", "verify", "--transports", "--json"]
    finished = run_bounded(command, 500, cwd=tmp_path)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    found = json.loads(finished.stdout.splitlines()[-1])
    assert found["equal"] and [run["way"] for run in found["runs"]] == [way.name for way in WAYS]
    assert {run["status"] for run in found["runs"]} == {"ran"}
    assert len({run["sha256"] for run in found["runs"]}) == 1
    assert not list(tmp_path.iterdir())
