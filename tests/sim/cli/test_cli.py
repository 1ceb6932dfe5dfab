"""The command line: what it takes and refuses, what it prints and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sim import casefile, cli
from sim.errors import SimError
from tests.sim.cli.refusals import refused

Capture = pytest.CaptureFixture[str]

pytestmark = pytest.mark.usefixtures("elsewhere")


COMMANDS = (
    "run",
    "submit",
    "launcher",
    "info",
    "watch",
    "plot",
    "report",
    "compare",
    "cases",
    "verify",
    "doctor",
    "bench",
)


# ------------------------------------------------------------------------------------------------------------- refusals


REFUSED = {
    "no command": ([], "COMMAND"),
    "an unknown command": (["walk"], "walk"),
    "an unknown option of run": (["run", "--fast"], "--fast"),
    "an unknown option of cases": (["cases", "--json"], "--json"),
    "a sample of all transports": (["verify", "--transports", "--quick"], "--quick"),
    "an unknown option of doctor": (["doctor", "--fix"], "--fix"),
    "an abbreviated case too many": (["run", "heat2d", "heat2d"], "heat2d"),
    "an unknown option of info": (["info", ".", "--fix"], "--fix"),
    "info of what?": (["info"], "DIR"),
    "one alone to compare": (["compare", "a"], "B"),
    "a time that is no number": (["plot", ".", "--time", "late"], "late"),
    "an argument of doctor": (["doctor", "heat2d"], "heat2d"),
    "a case to verify, but how?": (["verify", "lukewarm"], "--transports"),
    "a transport that isn't one": (["run", "--transport", "pigeon"], "pigeon"),
    "a halo that isn't one": (["run", "--halo", "allgather"], "allgather"),
    "a depth that is no number": (["run", "--ghost-depth", "deep"], "deep"),
    "a depth of nothing": (["run", "--ghost-depth", "0"], "parallel.ghost_depth"),
    "devices below one": (["run", "--devices", "-1"], "parallel.devices"),
    "a watchdog of the past": (["run", "--watchdog", "-3"], "parallel.watchdog"),
    "a process grid of an unknown axis": (["run", "--process-grid", "w=2"], "parallel.process_grid.w"),
    "a process grid without numbers": (["run", "--process-grid", "x"], "such as x=2,y=2"),
    "a process grid of numbers": (["run", "--process-grid", "2x2"], "x=2,y=2; got '2x2'"),
    "a tile that ends too soon": (["run", "--tile", "3x"], "such as 8x64"),
    "a directory without a name": (["run", "--output", ""], "no directory is named"),
    **{
        f"a file without a name: {' '.join(command)}": ([*command, ""], "no file is named; name one")
        for command in (
            *(["merge", ".", "--output"], ["report", ".", "--output"], ["plot", ".", "--output"]),
            *(["plan", "--ranks", "2", "--machine"], ["bench", "--plot"], ["bench", "--scaling", "--machine"]),
        )
    },
    "a directory to measure without a name": (["bench", "--writing", ""], "no directory is named"),
    "--set without a value": (["run", "--set", "time.end"], "KEY=VALUE"),
    "--set without a key": (["run", "--set", "=3"], "KEY=VALUE"),
    "--set of an unknown key": (["run", "--set", "time.stop=3"], "time.stop"),
    "--set of the wrong type": (["run", "--set", "grid.x.cells=many"], "grid.x.cells"),
    "--set through a value": (["run", "--set", "name.first=x"], "name"),
    "--set missing": (["run", "--set"], "--set"),
    "an unknown case": (["run", "lukewarm"], "lukewarm"),
    "an unknown case to verify": (["verify", "--transports", "lukewarm"], "lukewarm"),
    "half a rendezvous": (["run", "--coordinator", "localhost:1"], "--processes"),
    "a rendezvous nowhere": (["run", "--coordinator", "here", "--processes", "2", "--process", "0"], "host:port"),
    "a process too many": (["run", "--coordinator", "h:1", "--processes", "2", "--process", "2"], "--process"),
}


@pytest.mark.parametrize(("arguments", "word"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(arguments: list[str], word: str, capsys: Capture) -> None:
    assert word in refused(arguments, capsys)


def test_only_one_of_several_ranks_complains(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("PMI_SIZE", "3")
    for rank, lines in (("0", 1), ("2", 0)):
        monkeypatch.setenv("PMI_RANK", rank)
        assert cli.main(["run", "--fast"]) == cli.EXIT_USER_ERROR
        assert capsys.readouterr().err.count("sim: error") == lines


@pytest.mark.parametrize("command", [[], *([command] for command in COMMANDS)], ids=str)
def test_help(command: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main([*command, "--help"])
    assert caught.value.code == 0 and "usage: sim" in capsys.readouterr().out


# ---------------------------------------------------------------------------------------------------------------- cases


def test_cases_lists_all_and_marks_the_default(capsys: Capture) -> None:
    assert cli.main(["cases"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == casefile.builtin_names()
    assert [line.split()[0] for line in lines if "(default)" in line] == [casefile.DEFAULT]
    assert all(len(line.split()) > 3 for line in lines), "each has a title"


# ------------------------------------------------------------------------------------------------------------------ run


def test_a_run_prints_a_summary(case: str, capsys: Capture) -> None:
    assert cli.main(["run", case, "--output", "out"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("small: t = 0.03 after ") and "out/results.h5" in said.out
    assert Path("out/results.h5").exists()


def test_json_is_one_object_last_on_stdout(case: str, capsys: Capture) -> None:
    assert cli.main(["run", case, "--output", "out", "--json"]) == 0
    said = capsys.readouterr()
    result = json.loads(said.out.splitlines()[-1])
    assert result["directory"] == str(Path("out").absolute()) and result["time"] == 0.03 and result["steps"] > 0
    assert len(said.out.splitlines()) == 1 and not said.err


def test_an_occupied_directory_is_refused_until_told_otherwise(case: str, capsys: Capture) -> None:
    run = ["run", case, "--output", "out", "--json"]
    assert cli.main(run) == 0
    capsys.readouterr()
    assert "--overwrite" in refused(run, capsys)
    assert cli.main([*run, "--overwrite"]) == 0


# ---------------------------------------------------------------------------------------------------- verify and doctor


@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize(
    ("arguments", "function", "passed"),
    [
        (["verify", "--transports"], "sim.verify.verify", (None, False)),
        (["verify", "--transports", "heat2d", "--json"], "sim.verify.verify", ("heat2d", True)),
        (["doctor"], "sim.doctor.doctor", (False,)),
        (["doctor", "--json"], "sim.doctor.doctor", (True,)),
    ],
)
def test_their_verdict_is_the_exit_status(
    arguments: list[str], function: str, passed: tuple[Any, ...], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(*given: Any) -> int:
        assert given == passed
        return code

    monkeypatch.setattr(function, judge)
    assert cli.main(arguments) == code


def test_their_errors_are_one_message(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    def refuse(*_: Any) -> int:
        raise SimError("no; do")

    monkeypatch.setattr("sim.doctor.doctor", refuse)
    assert refused(["doctor"], capsys) == "sim: error: no; do\n"
