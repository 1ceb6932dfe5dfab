"""Programs that this one starts: bounded in time, and gone afterwards, whatever happens."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO

from sim.errors import SimError

# What launchers tell the processes that they start, and batch systems the launchers.  MPICH's settings
# (MPIR_CVAR_…) and UCX's are the user's.
_LAUNCHERS = re.compile(r"PMI|MPI_LOCAL|HYDI_|HYDRA_|OMPI_|PRTE_|PALS_|SLURMD?_|PBS_|LSB_|PE_HOSTFILE|COBALT_")
_USERS = re.compile(r"OMPI_ALLOW_RUN_AS_ROOT|(OMPI|PRTE)_MCA_(btl|pml|mtl|coll|io|osc|rmaps)")
_SECONDS_TO_OBEY = 5.0
_NOT_STARTED = 127
# Below what Linux (32768) and others (49152) hand out by themselves, above what services use.
_PORTS_OF_OUR_OWN = range(20000, 32768)
# macOS counts bytes.
_BYTES_OF_MAXRSS = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Finished:
    """How a program ended: its exit status (negative: the signal that killed it) and all that it said.

    peak_bytes: the most memory that was resident in it, or in the largest of the processes that it waited for; at
    least what was resident here when it started.
    """

    returncode: int
    stdout: str
    stderr: str
    timed_out: bool
    peak_bytes: int = field(default=0, compare=False)

    def complaint(self) -> str:
        """What went wrong, in one line: the program's own error message where there is one."""
        if self.timed_out:
            return "it had not ended when its time was up"
        said = [line.strip() for line in self.stderr.splitlines() if line.strip()]
        ours = [line.removeprefix("sim: error: ") for line in said if line.startswith("sim: error: ")]
        # Launchers add lines of their own; Python's name an exception, from its first column on.
        raised = [line for line in said if re.match(r"[\w.]*(Error|Exception|Exit)\b", line)]
        if ours:
            return ours[0]
        last = (raised[-1:] or said[-1:] or ["it said nothing"])[0]
        return f"{last} ({_how_ended(self.returncode)})"


def find_mpirun() -> str | None:
    """The mpirun that belongs to this Python: the one beside it, else the one on PATH, else None."""
    beside = Path(sys.executable).parent / "mpirun"
    return str(beside) if os.access(beside, os.X_OK) else shutil.which("mpirun")


def free_port() -> int:
    """A port of this machine that nobody listens on, on any interface, for programs that are to meet.

    Not one of those that the kernel hands out: any connection of any program may be given it before it is listened on.
    """
    for port in random.SystemRandom().sample(_PORTS_OF_OUR_OWN, 100):
        if _is_free(port):
            return port
    raise SimError(
        f"no port of 100 between {_PORTS_OF_OUR_OWN.start} and {_PORTS_OF_OUR_OWN.stop - 1} can be listened on; "
        "see with ss -ltn who holds them, and whether this machine lets programs listen"
    )


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        try:
            listener.bind(("", port))
        except OSError:
            return False
        return True


def why_no_mpirun(modules: Sequence[str] = ("mpi4py", "mpi4jax")) -> str | None:
    """What ranks that import `modules` lack here, and the remedy; None where all is installed."""
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        return f"{' and '.join(missing)} not installed; pip install '.[mpi]'"
    if find_mpirun() is None:
        return "no mpirun beside this python or on PATH; pip install mpich, or load your cluster's MPI module"
    return None


def clean_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a child that is to know nothing of a launcher, and to import the sim that runs here.

    So a child of a rank starts as a process of its own, and an mpirun in a batch job keeps to this machine.
    """
    given = os.environ if environment is None else environment
    kept = {name: value for name, value in given.items() if not _LAUNCHERS.match(name) or _USERS.match(name)}
    return with_our_package(kept)


def with_our_package(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment in which `python -m sim` is the sim that runs here, wherever the child's directory is."""
    root = str(Path(__file__).resolve().parents[1])
    path = [root, *filter(None, [environment.get("PYTHONPATH")])]
    return {**environment, "PYTHONPATH": os.pathsep.join(path)}


def run_bounded(
    command: Sequence[str],
    timeout: float,
    env: Mapping[str, str] | None = None,
    *,
    cwd: str | Path | None = None,
) -> Finished:
    """Run a program to its end, or for `timeout` seconds; nothing of its process group is left afterwards.

    env: by default `clean_environment()`.  A program that can't be started ends with 127.
    """
    return run_together([command], timeout, env, cwd=cwd)[0]


def run_together(
    commands: Sequence[Sequence[str]],
    timeout: float,
    env: Mapping[str, str] | None = None,
    *,
    cwd: str | Path | None = None,
) -> list[Finished]:
    """Like `run_bounded`, for programs that need each other: all run at once, within the same time."""
    environment = clean_environment() if env is None else dict(env)
    with _orderly_end(), ExitStack() as stack:
        with _uninterrupted():
            children = [stack.enter_context(_Child(command, environment, cwd)) for command in commands]
        deadline = time.monotonic() + timeout
        return [child.finish(deadline) for child in children]


@contextmanager
def _orderly_end() -> Iterator[None]:
    """Within it, being told to end (SIGTERM) is an exception, so that our children end with us."""
    first = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if not first:
        yield
        return
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Signals that are exceptions wait until its end: one that came as a child starts would leave it behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    found = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    # A signal that is ignored stays so, for children inherit that.
    handlers = {number: handler for number, handler in found.items() if callable(handler)}
    came: list[int] = []
    for number in handlers:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for caught in came[:1]:
            signal.raise_signal(caught)


class _Child:
    """A program in a session of its own, which is emptied and reaped on leaving the context."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], cwd: str | Path | None) -> None:
        # Files rather than pipes: somebody who inherited a pipe could keep us reading for ever.
        self._stdout, self._stderr = TemporaryFile(), TemporaryFile()  # noqa: SIM115 (closed on leaving)
        self._failure = ""
        self._peak_bytes = 0
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=self._stdout,
                stderr=self._stderr,
                env=env,
                cwd=cwd,
                start_new_session=True,
            )
        except OSError as error:
            self._failure = f"{command[0]} can't be started: {error.strerror}"

    def __enter__(self) -> _Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        self._stdout.close()
        self._stderr.close()

    def finish(self, deadline: float) -> Finished:
        if self._process is None:
            return Finished(_NOT_STARTED, "", self._failure, False)
        in_time = _ended_by(deadline, self._process.pid)
        self._stop()
        texts = (_text(self._stdout), _text(self._stderr))
        return Finished(self._process.returncode, *texts, not in_time, self._peak_bytes)

    def _stop(self) -> None:
        """Leave nothing of it, whether it has ended or not."""
        if self._process is None or self._process.returncode is not None:
            return
        if not _ended_by(time.monotonic(), self._process.pid):
            # An mpirun that is killed leaves its ranks, which have sessions of their own; told to end, it ends them.
            _signal_group(self._process.pid, signal.SIGTERM)
            _ended_by(time.monotonic() + _SECONDS_TO_OBEY, self._process.pid)
        # Before the leader is reaped, while nobody else can have its number.
        _signal_group(self._process.pid, signal.SIGKILL)
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        self._peak_bytes = usage.ru_maxrss * _BYTES_OF_MAXRSS


def _ended_by(deadline: float, pid: int) -> bool:
    """Wait for a child without reaping it; False where it still runs at the deadline."""
    pause = 0.001
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(pause, left))
        pause = min(2 * pause, 0.05)
    return True


def _signal_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _text(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode(errors="replace")


def _how_ended(returncode: int) -> str:
    if returncode >= 0:
        return f"exit status {returncode}"
    try:
        return f"killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"killed by signal {-returncode}"
