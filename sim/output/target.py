"""A file that the user asks for: where one can be, and not in the place of anything that would be lost."""

from __future__ import annotations

import os
from pathlib import Path

from sim.errors import SimError
from sim.output.rundir import RunDirectory


def check_target(path: Path, *directories: Path, remedy: str = "give another with --output") -> None:
    """Raise SimError where no file can be, or it would replace what a run wrote or what is no file: a link, a device.

    The runs are those in `directories`, and that in whose directory `path` lies.
    """
    if not os.access(path.parent, os.W_OK):
        raise SimError(f"{path} can't be written: {path.parent} is no directory of yours; {remedy}")
    place = Path(os.path.realpath(path.parent), path.name)
    if os.path.lexists(place) and (os.path.islink(place) or not os.path.isfile(place)):
        raise SimError(f"{path} is no regular file, and is not replaced by one; {remedy}")
    for folder in (*directories, *place.parents):
        if RunDirectory(folder).is_its_own(place):
            raise SimError(f"{path} is where the run in {folder} keeps its own; {remedy}")
