"""The command line: what it takes, what it refuses, what it prints and how it ends."""

from __future__ import annotations

import json
import os
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim import casefile, cli
from sim.errors import SimError
from sim.subprocesses import clean_environment, run_bounded

Small = Callable[..., dict[str, Any]]
Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def case(small: Small) -> str:
    """A case that runs in no time, in a file."""
    Path("small.toml").write_text(casefile.to_toml(casefile.load(small())))
    return "small.toml"


def refused(arguments: Sequence[str], capsys: Capture) -> str:
    """The one message of a command that is refused, and leaves nothing behind."""
    before = set(Path().iterdir())
    assert cli.main(arguments) == cli.EXIT_USER_ERROR
    said = capsys.readouterr()
    assert not said.out and said.err.startswith("sim: error: ") and said.err.count("sim: error") == 1
    assert set(Path().iterdir()) == before
    return said.err


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

# --------------------------------------------------------------------------------------------------------- refusals

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


# ------------------------------------------------------------------------------------------------------------ cases


def test_cases_lists_all_and_marks_the_default(capsys: Capture) -> None:
    assert cli.main(["cases"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == casefile.builtin_names()
    assert [line.split()[0] for line in lines if "(default)" in line] == [casefile.DEFAULT]
    assert all(len(line.split()) > 3 for line in lines), "each has a title"


# ----------------------------------------------------------------------------------------------------- print-config


@pytest.mark.parametrize("name", casefile.builtin_names())
def test_a_printed_config_is_a_case_that_prints_the_same(name: str, capsys: Capture) -> None:
    assert cli.main(["run", name, "--print-config"]) == 0
    first = capsys.readouterr().out
    Path("again.toml").write_text(first)
    assert cli.main(["run", "again.toml", "--print-config"]) == 0
    assert capsys.readouterr().out == first
    assert casefile.load("again.toml").model_dump() == casefile.load(name).model_dump()
    assert {entry.name for entry in Path().iterdir()} == {"again.toml"}


def test_a_printed_config_finds_its_files_from_anywhere(tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "sub"
    folder.mkdir()
    np.save(folder / "u.npy", np.zeros((8, 8)))
    settings = ["grid.x.cells=8", "grid.y.cells=8", "exact={}"]
    case = casefile.load("heat2d", [*settings, 'initial.u={file="u.npy"}'])
    (folder / "k.toml").write_text(casefile.to_toml(case))
    assert cli.main(["run", str(folder / "k.toml"), "--print-config"]) == 0
    printed = tmp_path / "k2.toml"
    printed.write_text(capsys.readouterr().out)
    assert Path(casefile.load(printed).initial["u"].file) == folder / "u.npy"  # type: ignore[union-attr]
    assert cli.main(["run", str(printed), "--output", str(tmp_path / "run")]) == 0


OPTIONS = {
    "--transport": (["--transport", "xla"], "transport", "xla"),
    "--halo": (["--halo", "psum"], "halo", "psum"),
    "--ghost-depth": (["--ghost-depth", "3"], "ghost_depth", 3),
    "--blocks": (["--blocks", "6"], "blocks", 6),
    "--devices": (["--devices", "2"], "devices", 2),
    "--watchdog": (["--watchdog", "12.5"], "watchdog", 12.5),
    "--process-grid": (["--process-grid", "x=2, y=3"], "process_grid", {"x": 2, "y": 3, "z": 1}),
}


@pytest.mark.parametrize(("arguments", "key", "value"), OPTIONS.values(), ids=OPTIONS)
def test_options_are_keys_of_the_case(arguments: list[str], key: str, value: Any, capsys: Capture) -> None:
    assert cli.main(["run", "--print-config", *arguments]) == 0
    assert tomllib.loads(capsys.readouterr().out)["parallel"][key] == value


@pytest.mark.parametrize(
    ("setting", "path", "value"),
    [
        ("grid.x.cells=64", ("grid", "x", "cells"), 64),
        ("time.end = 0.5", ("time", "end"), 0.5),
        ("initial.u=where(x == 0, 1, y)", ("initial", "u"), "where(x == 0, 1, y)"),
        ("title=a = b", ("title",), "a = b"),
        ("numerics.dtype=float32", ("numerics", "dtype"), "float32"),
        ('boundary.x="periodic"', ("boundary", "x", "upper", "kind"), "periodic"),
        ('boundary.y={lower="neumann", upper="dirichlet"}', ("boundary", "y", "lower", "kind"), "neumann"),
    ],
)
def test_settings(setting: str, path: tuple[str, ...], value: Any, capsys: Capture) -> None:
    assert cli.main(["run", "--print-config", "--set", setting]) == 0
    found = tomllib.loads(capsys.readouterr().out)
    for key in path:
        found = found[key]
    assert found == value


def test_the_last_setting_counts(capsys: Capture) -> None:
    settings = ["--set", "time.end=1.0", "--set", "time.end=2.0"]
    assert cli.main(["run", "--print-config", *settings]) == 0
    assert tomllib.loads(capsys.readouterr().out)["time"]["end"] == 2.0


# -------------------------------------------------------------------------------------------------------------- run


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


# ------------------------------------------------------------------------------------------------ verify and doctor


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


# ---------------------------------------------------------------------------------------------------- whole process


def sim_ends(*arguments: str, **environment: str) -> tuple[int, str, str]:
    finished = run_bounded([sys.executable, "-m", "sim", *arguments], 100, {**clean_environment(), **environment})
    return finished.returncode, finished.stdout, finished.stderr


def test_the_process_ends_as_main_returns() -> None:
    assert sim_ends("cases")[0] == 0
    code, out, err = sim_ends("run", "--fast")
    assert code == cli.EXIT_USER_ERROR and not out and err.startswith("sim: error: ") and "Traceback" not in err


def test_help_of_other_ranks_is_silent() -> None:
    assert sim_ends("run", "--help", PMI_RANK="1", PMI_SIZE="2") == (0, "", "")


def test_a_bug_ends_with_its_traceback() -> None:
    program = "import sys; from sim import casefile, cli; casefile.builtin_names = None; cli.entry()"
    finished = run_bounded([sys.executable, "-c", program, "cases"], 60)
    assert finished.returncode == cli.EXIT_BUG and "TypeError" in finished.stderr


@pytest.mark.parametrize("command", ["cases", "info run", "compare run run", "--help"])
def test_a_reader_that_leaves_early(command: str, case: str) -> None:
    """`sim cases | true`: no traceback, and no answer."""
    assert cli.main(["run", case, "--output", "run"]) == 0
    late = f"sleep 0.2; exec {sys.executable} -m sim {command}"
    finished = run_bounded(["bash", "-c", f"({late}) | exit 0; exit ${{PIPESTATUS[0]}}"], 60)
    assert finished.returncode == cli.EXIT_UNHEARD and not finished.stderr, finished


@pytest.mark.parametrize("command", ["cases", "info run", "--help"])
def test_what_can_not_be_printed(command: str, case: str, capsys: Capture) -> None:
    """Is no error of anything else: a full disk behind standard output."""
    assert cli.main(["run", case, "--output", "run"]) == 0
    finished = run_bounded(["bash", "-c", f"{sys.executable} -m sim {command} > /dev/full"], 60)
    assert finished.returncode == cli.EXIT_USER_ERROR and finished.stderr.count("\n") == 1, finished
    assert "standard output can't be written: No space left on device" in finished.stderr


_LONG = {"marks": pytest.mark.long}


@pytest.mark.parametrize(
    ("command", "closed"),
    [
        *(("info run", closed) for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-")),
        *(("watch run", closed) for closed in (">&-", "2>&-")),
        *(pytest.param("run small.toml --output again", closed, **_LONG) for closed in ("2>&-", "<&- >&- 2>&-")),
        pytest.param("doctor", "<&- >&- 2>&-", **_LONG),
    ],
)
def test_a_stream_that_is_closed(command: str, closed: str, case: str) -> None:
    """Is one that nobody listens to."""
    assert cli.main(["run", case, "--output", "run"]) == 0
    finished = run_bounded(["bash", "-c", f"{sys.executable} -m sim {command} {closed}"], 100)
    assert finished.returncode == 0 and not finished.stderr, finished
    assert bool(finished.stdout) == (">&-" not in closed.split())


def test_no_file_gets_the_place_of_a_closed_stream() -> None:
    """What a library writes to standard error would otherwise be written into a field's file."""
    Path("program.py").write_text(
        "import atexit, os, pathlib\n"
        "from sim import cli\n"
        "places = lambda: [os.readlink(f'/proc/self/fd/{number}') for number in range(3)]\n"
        "atexit.register(lambda: pathlib.Path('places').write_text(' '.join(places())))\n"
        "cli.entry()\n"
    )
    finished = run_bounded(["bash", "-c", f"{sys.executable} program.py --help <&- >&- 2>&-"], 60)
    assert finished.returncode == 0 and Path("places").read_text().split() == [os.devnull] * 3, finished
