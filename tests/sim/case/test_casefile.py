"""Where cases are found: those built in, files, and Python."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sim import casefile
from sim.case import Case
from sim.errors import SimError

BUILT_IN = (*("burgers", "copper-bar", "ensemble-plate", "gray-scott", "heat2d", "hillslope", "porous", "robin-plate"),)


# ---------------------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("name", ["nope", "heat3d", "", "./heat2d", "heat2d.toml", "../heat2d", "a\0b", "x" * 5000])
def test_an_unknown_case_lists_the_known_ones(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SimError) as caught:
        casefile.load(name)
    assert all(known in str(caught.value) for known in BUILT_IN), caught.value


def test_the_built_in_cases() -> None:
    assert casefile.builtin_names() == sorted(BUILT_IN)
    assert casefile.DEFAULT == "heat2d"
    for name in BUILT_IN:
        assert casefile.load(name).name == name and casefile.load(name).title


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"name = ", "not TOML"),
        (b"[grid\n", "not TOML"),
        (b'name = "a"\nname = "b"\n', "not TOML"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"", "required"),
        (b"a = " + b"[" * 100_000, "not TOML"),
        (b"#" * (2 << 20), "bytes"),
    ],
    ids=["no value", "no bracket", "twice", "bytes", "empty", "nested", "large"],
)
def test_files_that_are_no_cases(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(SimError, match=words) as caught:
        casefile.load(path)
    assert "mine.toml" in str(caught.value)


@given(st.binary(max_size=60))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_is_taken_or_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(SimError):
        casefile.load(path)


def test_a_directory_is_no_case(tmp_path: Path) -> None:
    with pytest.raises(SimError, match="unknown case"):
        casefile.load(tmp_path)


def test_relative_files_start_at_the_case_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(casefile.to_toml(casefile.load("heat2d")), encoding="utf-8")
    assert casefile.load(path).base == tmp_path.resolve()
    assert casefile.load(path, ["time.end=1.0"]).base == tmp_path.resolve()


# ----------------------------------------------------------------------------------------------------- out and in again


def test_a_case_built_in_python_is_taken_as_it_is() -> None:
    from sim import case as tables

    wall = tables.AxisSides(lower=tables.Neumann(flux=1.0), upper=tables.Dirichlet())
    case = Case(
        name="mine",
        grid=tables.GridTable(x=tables.AxisTable(cells=8)),
        equation=tables.HeatTable(alpha=1.0),
        initial={"u": tables.FileSource(file="a.npy")},
        boundary=tables.BoundaryTable(x=wall),
        time=tables.TimeTable(end=1.0),
    )
    assert casefile.load(case) == case
    assert casefile.load(case, ["time.end=2.0"]).time.end == 2.0
    assert case.time.end == 1.0
