"""`python -m sim plot DIR`: a picture in a file."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from sim.errors import SimError
from sim.looking.cut import cuts_of
from sim.looking.film import Film, gif, still
from sim.looking.recorded import Frame, Recording, read_recording
from sim.looking.words import clean, count
from sim.output.durable import replace_quickly
from sim.output.target import check_target


def plot(
    path: Path,
    field: str | None = None,
    time: float | None = None,
    moving: bool = False,
    cuts: Sequence[str] = (),
    output: Path | None = None,
) -> Path:
    """Draw a field of a run, or of one HDF5 file, and return where the picture is.

    field: by name, else the first.  time: of the nearest snapshot, else the last (of a line: all as curves).
    moving: all times as a GIF.  cuts: "z=0.5", through the nearest cells.  output: by default FIELD.png beside
    results.h5.  Raises SimError.
    """
    if moving and time is not None:
        raise SimError("--gif shows all times and --time one; give one of the two")
    recording = read_recording(path)
    film = _film(recording, field, time, cuts)
    suffix = ".gif" if moving else ".png"
    target = output or _beside(path) / f"{_file_name(film.name)}{suffix}"
    if target.suffix.lower() != suffix:
        raise SimError(f"--output {clean(target)} should end in {suffix}{'' if moving else ', or ask for a --gif'}")
    check_target(target, _beside(path))
    write(target, gif(film) if moving else still(film))
    return target


def write(target: Path, content: bytes) -> None:
    """Replace the file `target`, whole or not at all.  Raises SimError."""
    try:
        replace_quickly(target, content)
    except OSError as error:
        raise SimError(f"{clean(target)} can't be written: {error.strerror}; give another with --output") from None


def choose(recording: Recording, field: str | None) -> str:
    """The field of that name, or the first there is."""
    last = recording.present()[-1]
    there = last.fields()
    if not there:
        raise SimError(f"{clean(last.path)} has no field with the dimensions `time` and axes; it isn't a run's")
    if field is not None and field not in there:
        raise SimError(f"{clean(last.path)} has no field {field!r:.100}; it has {clean(', '.join(there))}")
    return next(iter(there)) if field is None else field


def _film(recording: Recording, field: str | None, time: float | None, cuts: Sequence[str]) -> Film:
    name, frames = choose(recording, field), recording.present()
    if missing := len(recording.frames) - len(frames):
        print(f"sim: warning: {count(missing, 'snapshot')} missing; `sim info` says which", file=sys.stderr)
    if time is not None:
        frames = [_nearest(frames, time)]
    return Film(recording, name, cuts_of(frames[-1].fields()[name], cuts), frames)


def _nearest(frames: Sequence[Frame], time: float) -> Frame:
    if not math.isfinite(time):
        raise SimError(f"--time takes a number; got {time}")
    known = [frame for frame in frames if math.isfinite(frame.time)] or frames
    return min(known, key=lambda frame: abs(frame.time - time))


def _beside(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _file_name(field: str) -> str:
    """Names from files can't lead out of the directory, nor hide in it."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", field)[:64]
