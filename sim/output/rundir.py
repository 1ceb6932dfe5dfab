"""The run directory: a new one each time, and never somebody else's."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sim.errors import SimError
from sim.output.durable import make_folder, sync
from sim.output.lock import NAME as LOCK
from sim.output.lock import RunLock
from sim.team import Team, on_root

RECORD, CASE, SERIES, SNAPSHOTS = "run.json", "case.toml", "results.h5", "snapshots"
PROGRESS, MONITOR_LINES, MONITOR_PICTURE = "progress.json", "monitor.jsonl", "monitor.png"
FILE_SERIES, MERGED, EXTRA, PROBES = "snapshots.vtkhdf.series", "merged.h5", "extra", "probes.h5"
CHECKPOINTS, BROKEN = "checkpoints", "broken.h5"
# In the order in which they are to be removed: the checkpoints first, for they need the rest.
_LEFT = (
    *(CHECKPOINTS, RECORD, CASE, SERIES, SNAPSHOTS, FILE_SERIES, MERGED, EXTRA, PROBES, BROKEN),
    *(PROGRESS, MONITOR_LINES, MONITOR_PICTURE),
)


@dataclass(frozen=True)
class RunDirectory:
    """Where one run writes:

    case.toml      the case, resolved        run.json   versions, decomposition, timings, numbers
    snapshots/     0.h5, 1.h5, …             results.h5 all snapshots as one ([member,] time, [z,] y, x)
    progress.json  how far it is             monitor.*  what --monitor writes while it goes
    snapshots.vtkhdf.series                  the same, for ParaView
    extra/         NAME/0.h5, …, NAME.h5, NAME.vtkhdf.series: the same for each further output
    probes.h5      the probes' series
    checkpoints/   one folder a step         broken.h5      the fields of a run that blew up
    """

    path: Path

    @property
    def record(self) -> Path:
        return self.path / RECORD

    @property
    def case(self) -> Path:
        return self.path / CASE

    @property
    def series(self) -> Path:
        return self.path / SERIES

    @property
    def probes(self) -> Path:
        """The probes' series."""
        return self.path / PROBES

    @property
    def progress(self) -> Path:
        return self.path / PROGRESS

    @property
    def monitor_lines(self) -> Path:
        return self.path / MONITOR_LINES

    @property
    def monitor_picture(self) -> Path:
        return self.path / MONITOR_PICTURE

    def make(self, folders: Iterable[Path]) -> None:
        """The folders that the run's outputs need.  Raises OSError."""
        for folder in (Path(SNAPSHOTS), *folders):
            make_folder(self.path / folder)

    @property
    def snapshots(self) -> Path:
        return self.path / SNAPSHOTS

    def extra(self, name: str) -> Path:
        """The folder of a further output."""
        return self.path / EXTRA / name

    def extra_series(self, name: str) -> Path:
        return self.path / EXTRA / f"{name}.h5"

    def merged(self, extra: str | None) -> Path:
        """One plain file of all snapshots, or of a further output."""
        return self.path / MERGED if extra is None else self.path / EXTRA / f"{extra}-{MERGED}"

    @property
    def checkpoints(self) -> Path:
        return self.path / CHECKPOINTS

    @property
    def broken(self) -> Path:
        return self.path / BROKEN

    def snapshot(self, number: int) -> Path:
        return self.snapshots / f"{number}.h5"

    def is_its_own(self, place: Path) -> bool:
        """Whether a file at `place`, without links, is the run's; what was made of it, as by merge, isn't."""
        if not (self.case.is_file() or self.record.is_file()) or self._is_merged(place):
            return False
        own = {name: os.path.realpath(self.path / name) for name in (*_LEFT, LOCK) if name != MERGED}
        inside = next((name for name, entry in own.items() if place.is_relative_to(entry)), None)
        return _is_output(place.name) if inside in (SNAPSHOTS, EXTRA) else inside is not None

    def _is_merged(self, place: Path) -> bool:
        """Of a further output; one that is called so has a folder."""
        there = place.parent == Path(os.path.realpath(self.path / EXTRA)) and place.name.endswith(f"-{MERGED}")
        return there and not self.extra(place.stem).is_dir()


def resuming(directory: Path) -> str:
    """The command that goes on with the run in a directory, to be pasted into a shell."""
    return f"python -m sim resume {shlex.quote(str(directory))}"


@contextmanager
def held(team: Team, claim: Callable[[], tuple[Path, RunLock]]) -> Iterator[RunDirectory]:
    """The directory that claim() gives rank 0, which holds its lock meanwhile.  Collective."""
    lock: RunLock | None = None

    def claimed() -> str:
        nonlocal lock
        path, lock = claim()
        return str(path)

    try:
        directory = RunDirectory(Path(on_root(team, claimed)))
        team.remember(f"go on from the last checkpoint: {resuming(directory.path)}")
        yield directory
    finally:
        if lock is not None:
            lock.release()


def create(case_name: str, wanted: Path | None, overwrite: bool, folders: Iterable[Path] = ()) -> tuple[Path, RunLock]:
    """Make and lock the directory of a run, and make folders in it, on one rank alone.

    Raises SimError where it can't be had, holds a run already, or is in use by another run.
    """
    with _written(wanted or Path("runs"), "give another with --output"):
        if wanted is not None and wanted.exists() and not wanted.is_dir():
            raise SimError(f"--output {wanted} is a file; give a directory")
        path = _next_number(Path("runs") / case_name) if wanted is None else wanted
        make_folder(path)
        with _locked(path) as lock:
            _clear(path, overwrite)
            RunDirectory(path).make(folders)
        return path, lock


def reopen(path: Path) -> tuple[Path, RunLock]:
    """Lock the directory of a run that is to go on, on one rank alone.  Raises SimError like `create`."""
    with _written(path, "it must be writable to go on there"):
        return path, RunLock.acquire(path)


def make_ready(directory: RunDirectory, folders: Iterable[Path], anew: bool) -> None:
    """Have a reopened directory as its run needs it, on one rank alone; `anew`: from its beginning.

    What was broken is to be shown no more; of a run that begins anew nothing is but its case, until that is written
    anew: a kill meanwhile leaves what can be resumed.  Raises SimError.
    """
    with _written(directory.path, "remove what is in the way, to go on there"):
        for entry in _left_by_a_run(directory.path):
            if entry.name != CASE if anew else entry.name == BROKEN:
                _remove(entry)
        directory.make(folders)


def check_writable(wanted: Path | None) -> None:
    """Raise SimError, before anything is made or compiled, where `create` would find that it can't write."""
    # From a working directory that has been removed nothing is found.
    with _written(wanted or Path("runs"), "go to a directory that is there, or give --output from the root on"):
        wanted = (wanted or Path("runs")).absolute()
    there = next(folder for folder in (wanted, *wanted.parents) if os.path.exists(folder))
    if there.is_dir() and not os.access(there, os.W_OK | os.X_OK):
        raise SimError(
            f"the output directory {wanted} can't be written: {there} is read-only; give another with --output"
        )


@contextmanager
def _locked(path: Path) -> Iterator[RunLock]:
    """A directory's lock, to be kept if all goes well."""
    lock = RunLock.acquire(path)
    try:
        yield lock
    except BaseException:
        lock.release()
        raise


@contextmanager
def _written(path: Path, remedy: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise SimError(f"the output directory {path} can't be written: {where}{error.strerror}; {remedy}") from None


def _next_number(parent: Path) -> Path:
    """The first free runs/<case>/NNN; making the directory claims it, whoever else is looking."""
    make_folder(parent)
    taken = [int(entry.name) for entry in parent.iterdir() if entry.name.isdecimal()]
    number = max(taken, default=0) + 1
    while True:
        path = parent / f"{number:03d}"
        try:
            path.mkdir()
        except FileExistsError:
            number += 1
            continue
        sync(parent)
        _point_latest(parent / "latest", path.name)
        return path


def _point_latest(link: Path, target: str) -> None:
    part = link.with_name(f".latest.{os.getpid()}")
    part.unlink(missing_ok=True)  # of a process of this number, here or elsewhere, that was killed
    part.symlink_to(target)
    if link.is_dir() and not link.is_symlink():
        part.unlink()  # somebody's own directory: leave it
        return
    os.replace(part, link)


def _clear(path: Path, overwrite: bool) -> None:
    """Only what a run writes is ever removed, and only when asked to."""
    present = _left_by_a_run(path)
    if present and not overwrite:
        raise SimError(
            f"--output {path} already holds a run ({present[0].name}); give another directory, "
            f"go on with it ({resuming(path)}), or --overwrite"
        )
    for entry in present:
        _remove(entry)


def _left_by_a_run(path: Path) -> list[Path]:
    ours = [path / name for name in _LEFT]
    return [entry for entry in ours if entry.exists() or entry.is_symlink()]


def _remove(entry: Path) -> None:
    if entry.name == CHECKPOINTS and entry.is_dir() and not entry.is_symlink():
        _remove_checkpoints(entry)
    else:
        _remove_files(entry)


def _remove_checkpoints(folder: Path) -> None:
    for checkpoint in folder.iterdir():
        if re.fullmatch(r"[0-9]+|\.[0-9]+\.(part|old)", checkpoint.name):
            shutil.rmtree(checkpoint)


def _remove_files(entry: Path) -> None:
    """A file or a link; of a folder the files that a run writes into it, and into its folders where it is `extra`."""
    if entry.is_symlink() or not entry.is_dir():
        entry.unlink()
        return
    for inner in entry.iterdir():
        if inner.is_dir() and not inner.is_symlink():
            if entry.name == EXTRA:
                _remove_files(inner)
        elif _is_output(inner.name):
            inner.unlink()


def _is_output(name: str) -> bool:
    """Of a file among outputs: whether it is one, whole or not."""
    return ".h5" in name or name.endswith(".vtkhdf.series")
