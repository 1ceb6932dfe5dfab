"""The benchmark as a command: its chart, and what it can't measure."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim import cli
from sim.bench import chart
from sim.bench.contestants.roster import roster
from sim.bench.measuring import Entry
from tests.sim.bench.works import FIELDS


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["bench", "--only", "one process", "--only", "memcpy", "--work", "40x64,31"]
    monkeypatch.setattr("sim.bench._ROUNDS", 1)
    assert cli.main([*command, "--plot", str(tmp_path / "bars.png")]) == 0
    said = capsys.readouterr().out
    assert "halostep, one process" in said and "numpy" not in said
    assert (tmp_path / "bars.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("name", "begin"), [("bars.PDF", b"%PDF"), ("bars.svg", b"<?xml"), ("bars.png", b"\x89PNG")])
def test_a_chart_is_what_its_name_says(name: str, begin: bytes, tmp_path: Path) -> None:
    chart.check_kind(tmp_path / name)
    chart.draw([[Entry(roster()[0], FIELDS[0], why="absent")]], tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(begin)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--plot", "no/such/folder/bars.png"], "no/such/folder is no directory"),
        (["--plot", "bars.xyz"], "Format 'xyz' is not supported"),
        (["--plot", "bars"], "Format '' is not supported"),
        (["--plot", "."], "is no regular file"),
        (["--only", "fortran"], "no contestant is called that"),
        (["--work", "many"], "a work is NxN"),
        (["--machine", "m.json"], "--machine is for --scaling"),
        (["--scaling", "--only", "numpy"], "not for --scaling"),
        (["--solvers", "--machine", "m.json"], "--machine is for --scaling"),
        (["--writing", ".", "--work", "64x64"], "not for --writing"),
        (
            ["--quick", "--scaling", "--solvers", "--writing", "."],
            "--scaling and --solvers and --writing are measured one",
        ),
        (["--solvers", "--writing", "."], "one at a time; leave all but one out"),
        (["--quick", "--writing", "."], "--quick is not for --writing"),
    ],
)
def test_what_cant_be_measured(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_no_bench_within_a_launcher(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PMI_RANK", "0")
    monkeypatch.setenv("PMI_SIZE", "2")
    for arguments in ([], ["--scaling"]):
        assert cli.main(["bench", *arguments]) == 2
        assert "run it without a launcher" in capsys.readouterr().err
