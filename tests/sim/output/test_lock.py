"""One run a directory: a second one is refused, and a lock that was left behind is recognized."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sim.errors import SimError
from sim.output import lock
from sim.output.lock import Holder, RunLock
from sim.subprocesses import with_our_package

HOLD = """
import sys, time
from pathlib import Path
from sim.output.lock import RunLock
RunLock.acquire(Path("."))
print("held", flush=True)
time.sleep(60)
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        cwd=folder,
        env=with_our_package(os.environ),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def without_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)


def leave(folder: Path, **changes: Any) -> Path:
    """A lock file that nobody has open."""
    me = Holder.myself()
    found = {"host": me.host, "boot": me.boot, "pid": me.pid, "started": me.started, **changes}
    (folder / "lock").write_text(json.dumps(found))
    return folder / "lock"


def test_the_lock_says_whose_it_is_and_is_gone_afterwards(tmp_path: Path) -> None:
    held = RunLock.acquire(tmp_path)
    assert Holder.read((tmp_path / "lock").read_text()) == Holder.myself()
    with pytest.raises(SimError, match=rf"in use by process {os.getpid()} on "):
        RunLock.acquire(tmp_path)
    held.release()
    assert list(tmp_path.iterdir()) == []
    RunLock.acquire(tmp_path).release()


@pytest.mark.parametrize("locks", [True, False], ids=["flock", "no flock"])
def test_only_its_own_file_is_removed(locks: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the directory was removed and another run has begun there meanwhile."""
    if not locks:
        without_flock(monkeypatch)
    first = RunLock.acquire(tmp_path)
    (tmp_path / "lock").unlink()
    second = RunLock.acquire(tmp_path)
    first.release()
    with pytest.raises(SimError, match="in use by"):
        RunLock.acquire(tmp_path)
    second.release()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_removed_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    held = RunLock.acquire(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        held.release()
    assert f"{tmp_path / 'lock'} can't be removed: Read-only file system" in capsys.readouterr().err
    taken(tmp_path)


@pytest.mark.parametrize("locks", [True, False], ids=["flock", "no flock"])
def test_another_process_is_seen_to_live_and_to_die(
    locks: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    process = holder(tmp_path)
    if not locks:
        without_flock(monkeypatch)
    try:
        with pytest.raises(SimError, match=rf"in use by process {process.pid} on "):
            RunLock.acquire(tmp_path)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    RunLock.acquire(tmp_path).release()
    assert f"was left by process {process.pid} on" in capsys.readouterr().err


def taken(folder: Path) -> None:
    """The lock can be had, and then is ours."""
    held = RunLock.acquire(folder)
    assert json.loads((folder / "lock").read_text())["pid"] == os.getpid()
    held.release()


def test_a_number_that_another_process_has_by_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_flock(monkeypatch)
    leave(tmp_path, started="1")
    taken(tmp_path)


def test_a_machine_that_gives_no_sign_of_life_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = leave(tmp_path, host="node7", boot="another")
    os.utime(path, (0, time.time() - 600))
    RunLock.acquire(tmp_path).release()
    assert "was left by process" in capsys.readouterr().err


@pytest.mark.parametrize("lives", [True, False])
def test_a_machine_that_was_alive_a_moment_ago(
    lives: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lock, "_BEAT_SECONDS", 0.2)
    path = leave(tmp_path, host="node7", boot="another", pid=42)
    monkeypatch.setattr(time, "sleep", lambda _: os.utime(path) if lives else None)
    if lives:
        with pytest.raises(SimError, match="in use by process 42 on node7"):
            RunLock.acquire(tmp_path)
    else:
        RunLock.acquire(tmp_path).release()
    assert "sign of life" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "{}", "[", "\x00\xff", '{"host": 3}'])
def test_a_lock_file_without_a_name_is_nobodys(text: str, tmp_path: Path) -> None:
    (tmp_path / "lock").write_text(text)
    taken(tmp_path)


def test_a_holder_gives_signs_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "_BEAT_SECONDS", 0.05)
    held = RunLock.acquire(tmp_path)
    os.utime(tmp_path / "lock", (0, 0))
    deadline = time.monotonic() + 20
    while (tmp_path / "lock").stat().st_mtime == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (tmp_path / "lock").stat().st_mtime > 0
    held.release()
