"""What goes wrong is said once, ends all ranks, and costs no data."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from sim.subprocesses import find_mpirun, free_port

from .conftest import WORKERS, Ended, Family, finish

SMALL = ["--set", "grid.x.cells=32", "--set", "grid.y.cells=24", "--set", "time.end=0.001"]
RUN = ["-m", "sim", "run", *SMALL, "--output", "out"]

BAD = {
    "an unknown key": (["--set", "grid.x.sells=3"], "grid.x.sells"),
    "a grid too small for the ranks": (["--set", "grid.x.cells=1", "--set", "grid.y.cells=2"], "3 blocks"),
    "an unstable step": (["--set", "time.step=1.0"], "at most"),
    "a transport for one process": (["--transport", "serial"], "3 ranks; --transport auto, or take one rank"),
    "a formula that is no formula": (["--set", "initial.u=__import__('os').getpid()"], "initial.u"),
}


def check_refusal(ended: Ended, words: str) -> None:
    assert ended.code == 2, ended.stderr
    assert ended.stderr.count("sim: error:") == 1, ended.stderr
    assert words in ended.stderr and "Traceback" not in ended.stderr


@pytest.mark.long
@pytest.mark.parametrize(("options", "words"), BAD.values(), ids=BAD)
def test_bad_input_gets_one_message(
    options: list[str], words: str, mpirun: Callable[..., Ended], tmp_path: Path
) -> None:
    check_refusal(mpirun(3, *RUN, *options), words)
    assert not (tmp_path / "out").exists()


def test_an_occupied_directory_is_left_alone(mpirun: Callable[..., Ended], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "run.json").write_text("precious")
    check_refusal(mpirun(2, *RUN), "--overwrite")
    assert (tmp_path / "out" / "run.json").read_text() == "precious"


@pytest.mark.long
def test_a_blow_up_keeps_the_last_good_snapshot(mpirun: Callable[..., Ended], tmp_path: Path) -> None:
    growing = ["numerics.dtype=float32", "equation.alpha=1e-6", "equation.source=1e38", "time.end=9", "output.every=1"]
    ended = mpirun(2, *RUN, *(word for setting in growing for word in ("--set", setting)))
    check_refusal(ended, "snapshot 1 at t = 1 is the last good one")
    with h5py.File(tmp_path / "out" / "results.h5") as file:
        assert len(file["u"]) == 2 and 0.9e38 < file["u"][1].max() < 1.1e38


@pytest.mark.parametrize(
    ("one", "two", "said"),
    [
        ([], ["--set", "time.end=0.002"], "  time.end: 0.001 on rank 0; 0.002 on rank 1"),
        # Rank 1 alone would tell the others where to meet.
        ([], ["--transport", "xla"], '  parallel.transport: "auto" on rank 0; "xla" on rank 1'),
        *[
            ([*options, "--devices", "2"], [*options, "--devices", "3"], "  parallel.devices: 2 on rank 0; 3 on rank 1")
            for options in (["--transport", "xla"], ["--transport", "hybrid"])
        ],
    ],
    ids=["a time", "a transport", "devices of xla", "devices of hybrid"],
)
def test_ranks_that_bring_different_cases(one: list[str], two: list[str], said: str, family: Family) -> None:
    """Started side by side, they would wait for each other for ever."""
    first, second = [sys.executable, *RUN, *one], [sys.executable, *RUN, *two]
    ended = finish(family.start([str(find_mpirun()), "-n", "1", *first, ":", "-n", "1", *second]), family)
    check_refusal(ended, "not about to run the same thing")
    assert said in ended.stderr.splitlines() and ended.stderr.count(" on rank ") == 2, ended.stderr


def test_another_mpis_launcher(family: Family, tmp_path: Path) -> None:
    """Its ranks would each think that they are alone, and all write the same files."""
    foreign = {"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_LOCAL_RANK": "0"}
    ended = finish(family.start([sys.executable, *RUN], **foreign), family)
    check_refusal(ended, "mpirun")
    assert not (tmp_path / "out").exists()


@pytest.mark.long
@pytest.mark.parametrize("options", [["--transport", "mpi"], ["--transport", "xla"]], ids=["mpi", "xla"])
def test_a_bug_on_one_rank_ends_all(options: list[str], mpirun: Callable[..., Ended]) -> None:
    ended = mpirun(3, str(WORKERS / "bug.py"), *RUN[2:], *options, timeout=90)
    assert ended.code != 0 and "a bug on rank 1" in ended.stderr
    assert ended.seconds < 60


@pytest.mark.long
def test_an_exception_on_one_rank_ends_a_program(mpirun: Callable[..., Ended]) -> None:
    """Else the others would wait for it in MPI, where no exception reaches them, until the watchdog ends them."""
    ended = mpirun(3, str(WORKERS / "failing.py"), "1", timeout=90)
    assert ended.code == 1 and ended.seconds < 60
    assert "ZeroDivisionError: by rank 1" in ended.stderr and "rank 1 can't go on" in ended.stderr


def test_an_exception_on_all_ranks_is_raised_on_each(mpirun: Callable[..., Ended]) -> None:
    first, second = mpirun(2, str(WORKERS / "failing.py"), "0,1").json()
    assert (first[0], second[0]) == ("by rank 0", "by rank 1") and first[1] == second[1] > 0


@pytest.mark.long
def test_a_rank_that_hangs_is_seen(mpirun: Callable[..., Ended]) -> None:
    """Each rank says where it stands, and all end; to compile takes less, also while others do."""
    ended = mpirun(2, str(WORKERS / "hang.py"), *RUN[2:], "--watchdog", "15", timeout=90)
    assert ended.code == 3
    assert "rank 0" in ended.stderr and "rank 1" in ended.stderr and "step" in ended.stderr


LONG = [
    *["-m", "sim", "run", "--output", "out", "--json"],
    *["--set", "grid.x.cells=64", "--set", "grid.y.cells=64", "--set", "time.end=1e6"],
    *["--set", "output.every=1e6"],
]


def running_ranks(process: subprocess.Popen[str], family: Family, count: int, tmp_path: Path) -> list[int]:
    """Ids of the Python processes of a run, once it steps."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        pids = [pid for pid, line in family.living().items() if line.startswith(sys.executable)]
        if len(pids) == count and (tmp_path / "out" / "results.h5").exists():
            time.sleep(1)
            return sorted(pids)
        time.sleep(0.2)
    living = family.living()
    family.end()
    pytest.fail(f"no run of {count} ranks: {living}; {process.communicate()}")


@pytest.mark.long
@pytest.mark.parametrize(
    ("ranks", "options"),
    [
        (3, ["--transport", "mpi"]),
        (2, ["--transport", "hybrid", "--devices", "2"]),
        (2, ["--transport", "xla", "--devices", "1"]),
    ],
    ids=["mpi", "hybrid", "xla"],
)
def test_a_rank_that_is_killed_ends_the_run(ranks: int, options: list[str], family: Family, tmp_path: Path) -> None:
    process = family.ranks(ranks, *LONG, *options)
    os.kill(running_ranks(process, family, ranks, tmp_path)[-1], signal.SIGKILL)
    ended = finish(process, family, timeout=60)
    assert ended.code != 0
    with h5py.File(tmp_path / "out" / "results.h5") as file:
        assert len(file["u"]) == 1


@pytest.mark.long
@pytest.mark.parametrize("victim", [0, 1])
def test_a_process_that_is_killed_ends_the_others_without_mpi(victim: int, family: Family, tmp_path: Path) -> None:
    """XLA's own ends are a traceback of Gloo's, and, where its coordinator is gone, abort()."""
    sizes = ["--set", "grid.x.cells=31", "--set", "grid.y.cells=24", "--set", "parallel.ghost_depth=1"]
    settings = ["--set", "time.end=0.5", "--set", "output.every=0.1", "--set", "checkpoint.every=100"]
    where = ["--transport", "xla", "--devices", "1", "--coordinator", f"127.0.0.1:{free_port()}", "--processes", "2"]
    run = [sys.executable, "-m", "sim", "run", *sizes, *settings, "--output"]
    processes = [
        family.start(
            [*run, "out", *where, "--process", str(i)], HALOSTEP_FAILPOINT="chunk done:9" if i == victim else ""
        )
        for i in (0, 1)
    ]
    killed, left = finish(processes[victim], family), finish(processes[1 - victim], family)
    assert killed.code == -signal.SIGKILL and left.code == 3, left.stderr
    said = [line for line in left.stderr.splitlines() if not line.startswith("step ")]
    assert said == [
        f"sim: error: process {victim} of 2 is gone, so that process {1 - victim} can't go on; see what that one said "
        "last, and go on from the last checkpoint: python -m sim resume out"
    ]
    assert not family.living() and list((tmp_path / "out/checkpoints").iterdir())
    assert finish(family.start([sys.executable, "-m", "sim", "resume", "out"]), family).code == 0
    assert finish(family.start([*run, "whole", "--transport", "serial"]), family).code == 0
    outs, wholes = (sorted((tmp_path / name / "snapshots").iterdir()) for name in ("out", "whole"))
    assert [a.read_bytes() for a in outs] == [b.read_bytes() for b in wholes] and len(outs) == 6


@pytest.mark.long
def test_two_runs_on_the_halves_of_the_world(mpirun: Callable[..., Ended]) -> None:
    found = mpirun(4, str(WORKERS / "halves.py")).json()
    assert found["together"] == found["alone"] and found["alone"][0] != found["alone"][1]
