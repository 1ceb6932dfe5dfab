"""The run directory: a new one each time, and never somebody else's."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sim.errors import SimError

RECORD, CASE, SERIES, SNAPSHOTS = "run.json", "case.toml", "results.h5", "snapshots"
PROGRESS, MONITOR_LINES, MONITOR_PICTURE = "progress.json", "monitor.jsonl", "monitor.png"
FILE_SERIES, MERGED, EXTRA = "snapshots.vtkhdf.series", "merged.h5", "extra"


@dataclass(frozen=True)
class RunDirectory:
    """Where one run writes:

    case.toml      the case, resolved        run.json   versions, decomposition, timings, numbers
    snapshots/     0.h5, 1.h5, …             results.h5 all snapshots as one (time, [z,] y, x)
    progress.json  how far it is             monitor.*  what --monitor writes while it goes
    snapshots.vtkhdf.series                  the same, for ParaView
    extra/         NAME/0.h5, …, NAME.h5, NAME.vtkhdf.series: the same for each further output
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


def create(case_name: str, wanted: Path | None, overwrite: bool, folders: Iterable[Path] = ()) -> Path:
    """Make the directory of a run, and folders in it, on one rank alone.

    Raises SimError where it can't be had or holds a run already.
    """
    try:
        if wanted is None:
            path = _next_number(Path("runs") / case_name)
        else:
            path = wanted
            _clear(path, overwrite)
        for folder in (Path(SNAPSHOTS), *folders):
            (path / folder).mkdir(parents=True, exist_ok=True)
        _probe(path)
        return path
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
    names = (RECORD, CASE, SERIES, SNAPSHOTS, FILE_SERIES, MERGED, EXTRA, PROGRESS, MONITOR_LINES, MONITOR_PICTURE)
    ours = [path / name for name in names]
    present = [entry for entry in ours if entry.exists() or entry.is_symlink()]
    if present and not overwrite:
        raise SimError(
            f"--output {path} already holds a run ({present[0].name}); give another directory, or --overwrite"
        )
    for entry in present:
        _remove_files(entry)


def _remove_files(entry: Path) -> None:
    """A file or a link; of a folder the files that a run writes into it, and into its folders where it is `extra`."""
    if entry.is_symlink() or not entry.is_dir():
        entry.unlink()
        return
    for inner in entry.iterdir():
        if inner.is_dir() and not inner.is_symlink():
            if entry.name == EXTRA:
                _remove_files(inner)
        elif ".h5" in inner.name or inner.name.endswith(".vtkhdf.series"):
            inner.unlink()


def _probe(path: Path) -> None:
    """Fail now rather than after the first chunk."""
    probe = path / f".probe.{os.getpid()}"
    probe.touch()
    probe.unlink()
