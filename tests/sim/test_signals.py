"""Signals by which a process is told to stop, from its first moment on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import sim
from sim import driver, membership
from sim.errors import Stopped
from sim.signals import StopSignals
from sim.subprocesses import with_our_package
from sim.team import Solo

Small = Callable[..., dict[str, Any]]


def ran(program: str, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command, env = [sys.executable, "-c", program, *arguments], with_our_package(os.environ)
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=90, check=False)


TWICE = """
import os, signal, sys, time
from sim import signals
signals._ECHO_SECONDS = 0.2
with signals.StopSignals(lambda code: print("ends", code, flush=True)) as heard:
    for pause in (0.05, 0.5, 5):
        os.kill(os.getpid(), getattr(signal, sys.argv[1]))
        time.sleep(pause)
        print(heard.wish, flush=True)
"""


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGUSR1", 138)])
def test_the_second_signal_ends_the_process_and_an_echo_does_not(name: str, code: int) -> None:
    done = ran(TWICE, name)
    assert (done.returncode, done.stdout.split("\n")) == (code, [name, name, f"ends {code}", ""]), done.stderr


INTERRUPTED = """
import atexit, os
from sim import cli
atexit.register(os.abort)  # as XLA may, taken down in the midst of compiling
def main():
    raise KeyboardInterrupt
cli.main = main
cli.entry()
"""


def test_an_interrupt_has_its_status_whatever_is_taken_down() -> None:
    done = ran(INTERRUPTED)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def test_one_rank_that_is_interrupted_says_so_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    codes: list[int] = []
    monkeypatch.setattr(membership, "abort", codes.append)
    monkeypatch.setattr(Solo, "all_fail", lambda self, seconds: False)
    membership.end_unless_all_fail(Solo(), KeyboardInterrupt())
    said = capsys.readouterr().err
    assert codes == [130] and said.startswith("sim: error: rank 0 was interrupted, and") and said.count("\n") == 1


def test_other_signals_are_none_of_ours() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)]
    heard = []
    chld = signal.signal(signal.SIGUSR2, lambda *_: heard.append(1))
    try:
        with StopSignals(pytest.fail) as signals:
            os.kill(os.getpid(), signal.SIGUSR2)
            time.sleep(0.1)
            assert signals.wish is None and heard == [1]
    finally:
        signal.signal(signal.SIGUSR2, chld)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)] == before


ENDED = """
import os, signal, time
from sim import signals
signals._ECHO_SECONDS = 0.2
print("what was said", end="")
with signals.StopSignals():
    for pause in (0.5, 5):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(pause)
"""


def test_what_was_said_before_the_second_signal_is_heard() -> None:
    done = ran(ENDED)
    assert (done.returncode, done.stdout) == (143, "what was said") and done.stderr.count(
        "a second one ends it now"
    ) == 1


@pytest.mark.parametrize("module", ["mpi4py.MPI", "sim.distributed"])
def test_a_process_can_be_ended_while_it_loads(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is connected yet; by the thread that hears the second signal."""
    monkeypatch.setitem(sys.modules, module, ModuleType(module))
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    membership.abort(143)
    assert not ended, "others are told; to end itself is the caller's"


def test_a_process_has_one_ear() -> None:
    with StopSignals(pytest.fail) as outer:
        outer.prompt = True
        os.kill(os.getpid(), signal.SIGUSR1)
        with StopSignals(pytest.fail) as inner:
            assert inner is outer
        time.sleep(0.1)
        assert signal.getsignal(signal.SIGUSR1) is not signal.SIG_DFL and outer.wish == "SIGUSR1"
    with StopSignals(pytest.fail) as another:
        assert another.wish is None


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1", "SIGINT"])
def test_a_wish_made_in_set_up_is_fulfilled_at_the_first_steps(
    name: str, small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    case = small((9,), time__end=1.0, time__step=1e-4, output__every=1.0)
    make_ready = driver.make_ready

    def told(*arguments: Any) -> Any:
        os.kill(os.getpid(), signal.Signals[name])
        return make_ready(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(driver, "make_ready", told)
        with pytest.raises(Stopped, match=f"stopped by {name} at step"):
            sim.run(case, output="out")
    assert capsys.readouterr().err.count(f"sim: note: {name}: the run is being set up and stops") == 1
    sim.resume("out")
    sim.run(case, output="alone")
    for number in (0, 1):
        there, alone = (Path(folder) / f"snapshots/{number}.h5" for folder in ("out", "alone"))
        assert there.read_bytes() == alone.read_bytes()


TOLD_AS_JAX_IS_LOADED = """
import os, signal, sys
class Told:
    def find_spec(self, name, *_):
        if name == "jax":
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)
signal.signal(signal.SIGINT, signal.default_int_handler)  # which tests in the background have none of
sys.meta_path.insert(0, Told())
from sim import cli
cli.entry()
"""


def test_the_command_line_hears_before_jax_is_loaded(tmp_path: Path) -> None:
    case = ["grid.x.cells=16", "grid.y.cells=16", "time.step=1e-5", "time.end=10"]
    done = ran(TOLD_AS_JAX_IS_LOADED, "run", *(f"--set={one}" for one in case), "--output=out", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("sim: stopped by SIGINT")) == (75, 1), done.stderr
    assert json.loads((tmp_path / "out/run.json").read_text())["status"] == "stopped"
