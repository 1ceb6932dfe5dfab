"""The run directory: a new one each time, and never somebody else's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sim.errors import SimError

RECORD, CASE, SERIES, SNAPSHOTS = "run.json", "case.toml", "results.h5", "snapshots"
PROGRESS, MONITOR_LINES, MONITOR_PICTURE = "progress.json", "monitor.jsonl", "monitor.png"


@dataclass(frozen=True)
class RunDirectory:
    """Where one run writes:

    case.toml      the case, resolved        run.json   versions, decomposition, timings, numbers
    snapshots/     0.h5, 1.h5, …             results.h5 all snapshots as one (time, [z,] y, x)
    progress.json  how far it is             monitor.*  what --monitor writes while it goes
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
    def progress(self) -> Path:
        return self.path / PROGRESS

    @property
    def monitor_lines(self) -> Path:
        return self.path / MONITOR_LINES

    @property
    def monitor_picture(self) -> Path:
        return self.path / MONITOR_PICTURE

    def snapshot(self, number: int) -> Path:
        return self.path / SNAPSHOTS / f"{number}.h5"


def create(case_name: str, wanted: Path | None, overwrite: bool) -> Path:
    """Make the directory of a run, on one rank alone.  Raises SimError where it can't be had or holds a run already."""
    try:
        if wanted is None:
            return _next_number(Path("runs") / case_name)
        _clear(wanted, overwrite)
        (wanted / SNAPSHOTS).mkdir(parents=True, exist_ok=True)
        _probe(wanted)
        return wanted
    except OSError as error:
        where = wanted or Path("runs")
        raise SimError(
            f"the output directory {where} can't be written: {error.strerror}; give another with --output"
        ) from None


def _next_number(parent: Path) -> Path:
    """The first free runs/<case>/NNN; making the directory claims it, whoever else is looking."""
    parent.mkdir(parents=True, exist_ok=True)
    taken = [int(entry.name) for entry in parent.iterdir() if entry.name.isdecimal()]
    number = max(taken, default=0) + 1
    while True:
        path = parent / f"{number:03d}"
        try:
            path.mkdir()
        except FileExistsError:
            number += 1
            continue
        (path / SNAPSHOTS).mkdir()
        _point_latest(parent / "latest", path.name)
        return path


def _point_latest(link: Path, target: str) -> None:
    part = link.with_name(f".latest.{os.getpid()}")
    part.symlink_to(target)
    if link.is_dir() and not link.is_symlink():
        part.unlink()  # somebody's own directory: leave it
        return
    os.replace(part, link)


def _clear(path: Path, overwrite: bool) -> None:
    """Only what a run writes is ever removed, and only when asked to."""
    if path.exists() and not path.is_dir():
        raise SimError(f"--output {path} is a file; give a directory")
    names = (RECORD, CASE, SERIES, SNAPSHOTS, PROGRESS, MONITOR_LINES, MONITOR_PICTURE)
    ours = [path / name for name in names]
    present = [entry for entry in ours if entry.exists() or entry.is_symlink()]
    if present and not overwrite:
        raise SimError(
            f"--output {path} already holds a run ({present[0].name}); give another directory, or --overwrite"
        )
    for entry in present:
        if entry.is_dir() and not entry.is_symlink():
            for snapshot in entry.glob("*.h5*"):
                snapshot.unlink()
        else:
            entry.unlink()


def _probe(path: Path) -> None:
    """Fail now rather than after the first chunk."""
    probe = path / f".probe.{os.getpid()}"
    probe.touch()
    probe.unlink()
