"""Programs that we start: what they say comes back, and nothing of them stays."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sim import subprocesses
from sim.subprocesses import (
    Finished,
    clean_environment,
    find_mpirun,
    free_port,
    run_bounded,
    run_together,
    why_no_mpirun,
    with_our_package,
)


def python(program: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", program, *arguments]


def is_gone(pid: int) -> bool:
    """Whether a process has ended, also where nobody has reaped it."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_what_it_says_and_how_it_ends() -> None:
    finished = run_bounded(python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)"), 30)
    assert finished == Finished(7, "out\n", "err\n", timed_out=False)


def test_a_lot_of_output_blocks_nobody() -> None:
    finished = run_bounded(python("print('x' * (1 << 22))"), 30)
    assert finished.returncode == 0 and len(finished.stdout) == (1 << 22) + 1


def test_a_program_that_does_not_exist() -> None:
    finished = run_bounded(["/no/such/program"], 30)
    assert finished.returncode == 127 and not finished.timed_out
    assert "/no/such/program" in finished.complaint() and "No such file" in finished.complaint()


def test_it_is_ended_when_its_time_is_up(tmp_path: Path) -> None:
    begin = time.monotonic()
    program = (
        "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); print('up', flush=True); time.sleep(60)"
    )
    finished = run_bounded(python(program, str(tmp_path / "pid")), 1.5)
    assert time.monotonic() - begin < 30
    assert finished.timed_out and finished.returncode != 0 and finished.stdout == "up\n"
    assert "time was up" in finished.complaint()
    assert is_gone(int((tmp_path / "pid").read_text()))


def test_it_is_ended_even_where_it_will_not_obey(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.subprocesses._SECONDS_TO_OBEY", 0.3)
    program = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    assert run_bounded(python(program), 1.5).returncode == -signal.SIGKILL


def test_what_it_leaves_behind_is_ended(tmp_path: Path) -> None:
    """A grandchild, which keeps its parent's output open, neither outlives the call nor holds it up."""
    program = (
        "import subprocess, sys; child = subprocess.Popen(['sleep', '60']); "
        "open(sys.argv[1], 'w').write(str(child.pid))"
    )
    begin = time.monotonic()
    assert run_bounded(python(program, str(tmp_path / "pid")), 30).returncode == 0
    assert time.monotonic() - begin < 20
    assert is_gone(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize("seconds", [0.0, 1.0])
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)])
def test_a_child_ends_with_its_parent(tmp_path: Path, number: signal.Signals, status: int, seconds: float) -> None:
    """Also where it runs so long before its parent knows that it does."""
    # Where the tests run in a shell's background, SIGINT is ignored, and children inherit that.
    program = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from sim.subprocesses import run_bounded; start = subprocess.Popen; "
        f"subprocess.Popen = lambda *args, **options: (start(*args, **options), time.sleep({seconds}))[0]; "
        "run_bounded(['sh', '-c', 'echo $$ > ' + sys.argv[1] + '; exec sleep 60'], 60)"
    )
    pid = tmp_path / "pid"
    parent = subprocess.Popen(python(program, str(pid)), env=clean_environment(), stderr=subprocess.DEVNULL)
    while not (pid.exists() and pid.read_text()):
        assert parent.poll() is None
        time.sleep(0.02)
    parent.send_signal(number)
    assert parent.wait(30) == status
    assert is_gone(int(pid.read_text()))


def test_programs_that_need_each_other(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys, time; mine, theirs = map(pathlib.Path, sys.argv[1:]); mine.touch()\n"
        "while not theirs.exists(): time.sleep(0.01)\n"
        "print(mine.name)"
    )
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    assert [f.stdout for f in run_together([python(program, a, b), python(program, b, a)], 30)] == ["a\n", "b\n"]


COMPLAINTS = {
    "our own message": (Finished(2, "", "noise\nsim: error: no; do\nmpirun: bad\n", False), "no; do"),
    "an exception": (
        Finished(1, "", "Traceback\n  File x\nValueError: 3\nmpirun: it ended\n", False),
        "ValueError: 3 (exit status 1)",
    ),
    "a signal": (Finished(-11, "", "", False), "it said nothing (killed by SIGSEGV)"),
    "anything else": (Finished(5, "", "a\nb\n\n", False), "b (exit status 5)"),
}


@pytest.mark.parametrize(("finished", "said"), COMPLAINTS.values(), ids=COMPLAINTS)
def test_complaints(finished: Finished, said: str) -> None:
    assert finished.complaint() == said


@pytest.mark.parametrize(
    ("name", "stays"),
    [
        ("PMI_RANK", False),
        ("PMI_FD", False),
        ("PMIX_NAMESPACE", False),
        ("MPI_LOCALRANKID", False),
        ("HYDI_CONTROL_FD", False),
        ("OMPI_COMM_WORLD_SIZE", False),
        ("PRTE_LAUNCHED", False),
        ("SLURM_JOB_ID", False),
        ("PBS_NODEFILE", False),
        ("OMPI_ALLOW_RUN_AS_ROOT", True),
        ("OMPI_MCA_btl", True),
        ("MPIR_CVAR_CH4_OFI_ENABLE", True),
        ("UCX_TLS", True),
        ("XLA_FLAGS", True),
        ("PATH", True),
    ],
)
def test_a_child_knows_nothing_of_a_launcher(name: str, stays: bool) -> None:
    assert (name in clean_environment({name: "1"})) == stays


def test_a_child_imports_the_sim_that_runs_here(tmp_path: Path) -> None:
    import sim

    finished = run_bounded(python("import sim; print(sim.__file__)"), 30, cwd=tmp_path)
    assert finished.stdout.strip() == sim.__file__
    assert with_our_package({"PYTHONPATH": "/mine"})["PYTHONPATH"].endswith(os.pathsep + "/mine")


def test_a_free_port_can_be_listened_on_everywhere() -> None:
    with socket.socket() as listener:
        port = free_port()
        listener.bind(("", port))
        assert listener.getsockname()[1] == port


def test_a_free_port_is_none_that_a_connection_may_be_given() -> None:
    # Linux hands out ports from 32768, others from 49152.
    assert all(20000 <= free_port() < 32768 for _ in range(50))


def test_a_port_that_is_held_is_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        held = holder.getsockname()[1]
        monkeypatch.setattr(subprocesses, "_PORTS_OF_OUR_OWN", [held] * 99 + [free_port()])
        assert free_port() != held


def test_what_is_missing_for_ranks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    why = why_no_mpirun(("no_such_module", "sys"))
    assert why is not None and why.startswith("no_such_module not installed; ")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    why = why_no_mpirun(())
    assert why is not None and why.startswith("no mpirun ") and "; " in why


def test_the_mpirun_beside_this_python_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for folder in ("venv", "system"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mpirun").touch(mode=0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "system"))
    assert find_mpirun() == str(tmp_path / "venv" / "mpirun")
    (tmp_path / "venv" / "mpirun").unlink()
    assert find_mpirun() == str(tmp_path / "system" / "mpirun")
