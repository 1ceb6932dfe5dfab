"""The program as a process: its status, its streams, and who reads them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from sim import cli
from sim.subprocesses import clean_environment, run_bounded

Capture = pytest.CaptureFixture[str]

pytestmark = pytest.mark.usefixtures("elsewhere")


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


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_what_a_terminal_has_no_characters_for(encoding: str, case: str) -> None:
    """Neither of ours, nor of a directory's name, which may be any bytes: no traceback once all is done."""
    directory = os.fsdecode(b"r\xff")
    for command in (("run", case, "--output", directory), ("info", directory), ("run", "--print-config", "hillslope")):
        code, out, err = sim_ends(*command, PYTHONIOENCODING=f"{encoding}:strict", PYTHONUTF8="0")
        assert code == 0 and out and "Traceback" not in err, err


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
