"""One run a directory at a time, also where the last one was killed."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from sim.errors import SimError
from sim.failpoints import reach

NAME = "lock"

_BEAT_SECONDS = 5.0
_BEATS_OF_THE_LIVING = 4  # a holder that misses so many in a row is dead
SECONDS_OF_THE_SILENT = 120.0  # or seems so to who only looks: clocks differ, and file systems tell of times late
_NO_LOCKS_HERE = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


@dataclass(frozen=True)
class Holder:
    """A process that no other is: on one machine, since one boot, started at one tick."""

    host: str
    boot: str
    pid: int
    started: str

    @classmethod
    def myself(cls) -> Holder:
        return cls(socket.gethostname(), _boot(), os.getpid(), _start_tick(os.getpid()))

    @classmethod
    def read(cls, text: str) -> Holder | None:
        """Who wrote this; None where it doesn't say."""
        try:
            found = json.loads(text)
            return cls(str(found["host"]), str(found["boot"]), int(found["pid"]), str(found["started"]))
        except (ValueError, KeyError, TypeError):
            return None

    def on_this_kernel(self) -> bool:
        return self.boot == _boot()

    def lives(self) -> bool:
        """Of a process of this kernel: a process of its number runs, and it is not another one's by now."""
        return bool(self.started) and _start_tick(self.pid) == self.started

    def is_gone(self) -> bool:
        """Whether that is known; of other machines' nothing is, nor of other containers' or where there is no /proc."""
        here = self.host == socket.gethostname() and bool(self.boot and self.started) and self.on_this_kernel()
        return here and not self.lives()

    def is_here(self) -> bool:
        """Whether it is a process of this kernel that runs."""
        return self.on_this_kernel() and self.lives()

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class RunLock:
    """The file `lock` of a run directory, held by one process (rank 0 of a run).

    Where the file system locks (flock), a killed holder's lock is gone with it.  Where it does not, or not between
    machines, the file says who holds it: a process of this machine is looked for; one of another gives a
    sign of life every few seconds, by the file's time, and is dead when it stops.
    """

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor, self._path = descriptor, path
        self._released = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="lock", daemon=True)
        self._thread.start()

    @classmethod
    def acquire(cls, folder: Path) -> RunLock:
        """Raises SimError where another run holds the directory, OSError where no lock can be written there."""
        path = folder / NAME
        descriptor, locked = _open_locked(path)
        try:
            _check_last_holder(descriptor, path, locked)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, (json.dumps(asdict(Holder.myself())) + "\n").encode(), 0)
            reach("lock written")
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor, path)

    def release(self) -> None:
        """Remove the file and let it go; where another run's has its name by now, that stays.

        Where it can't be removed, that is said and no more: nobody holds it then, as the next run will see.
        """
        self._released.set()
        self._thread.join()
        try:
            if _is_at(self._descriptor, self._path):
                self._path.unlink()
        except OSError as error:
            print(f"sim: note: {self._path} can't be removed: {error.strerror}", file=sys.stderr, flush=True)
        finally:
            os.close(self._descriptor)

    def _beat(self) -> None:
        while not self._released.wait(_BEAT_SECONDS):
            with suppress(OSError):
                os.utime(self._descriptor)


def _open_locked(path: Path) -> tuple[int, bool]:
    """The lock file, opened, and whether it is locked: where the file system can, it is."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        locked = True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _NO_LOCKS_HERE:
                holder = Holder.read(_text(descriptor))
                os.close(descriptor)
                if isinstance(error, BlockingIOError):
                    raise _in_use(path, holder) from None
                raise
            locked = False
        # Whoever held it may have removed the file meanwhile: then another one has that name, or none.
        if _is_at(descriptor, path):
            return descriptor, locked
        os.close(descriptor)


def _check_last_holder(descriptor: int, path: Path, locked: bool) -> None:
    """Raise SimError where the file is somebody's who lives; say so where it was left by somebody who doesn't."""
    holder = Holder.read(_text(descriptor))
    if holder is None:
        return
    if holder.on_this_kernel():
        if not locked and holder.lives():
            raise _in_use(path, holder)
    else:
        _watch(descriptor, path, holder)
    print(f"sim: note: {path} was left by {holder}, which is gone", file=sys.stderr, flush=True)


def _watch(descriptor: int, path: Path, holder: Holder) -> None:
    """Wait for a sign of life from another machine; raise SimError at the first."""
    seen = os.fstat(descriptor).st_mtime
    left = _BEATS_OF_THE_LIVING * _BEAT_SECONDS - (_clock_of_files(path.parent) - seen)
    if left > 0:
        print(f"sim: note: {path} is {holder}'s; waiting {left:.0f} s for a sign of life", file=sys.stderr)
    deadline = time.monotonic() + left
    while time.monotonic() < deadline:
        time.sleep(min(1.0, _BEAT_SECONDS / 2))
        if os.stat(path).st_mtime != seen:
            raise _in_use(path, holder)


def _clock_of_files(folder: Path) -> float:
    """What time it is where the files are, which may be another machine."""
    probe = folder / f".clock.{os.getpid()}"
    probe.touch()
    now = probe.stat().st_mtime
    probe.unlink()
    return now


def _in_use(path: Path, holder: Holder | None) -> SimError:
    return SimError(
        f"{path.parent} is in use by {holder or 'another run'}; wait for it to end, end it, or use another directory"
    )


def _text(descriptor: int) -> str:
    return os.pread(descriptor, 4096, 0).decode(errors="replace")


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _start_tick(pid: int) -> str:
    """When a process was started, in ticks since the boot; nothing where there is none."""
    try:
        # The name, in brackets, may hold anything; the 20th number after it is the start.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
