"""What is kept from run to run: a directory of the user's own, for each kind of machine one."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sim import machine

VARIABLE = "SIM_CACHE"
OFF = "off"


def directory(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Where it is: $SIM_CACHE, else $XDG_CACHE_HOME/halostep, else ~/.cache/halostep.  Made where it is missing.

    None where SIM_CACHE is "off", and where the directory can't be made or others could write into it: what lies
    there is code that runs.  A machine's part is named by its digest: homes are shared among machines.
    """
    given = environment.get(VARIABLE, "")
    if given == OFF:
        return None
    home = environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME") or "/nonexistent") / ".cache"
    top = Path(given) if given else Path(home) / "halostep"
    try:
        top.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = top / machine.digest()
        part.mkdir(mode=0o700, exist_ok=True)
        return part if _is_private(top) and _is_private(part) else None
    except OSError:
        return None


def write(path: Path, content: bytes) -> None:
    """All of it or nothing, whoever else writes the same; without a word where there is no room."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".part-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            os.replace(name, path)
        except OSError:
            os.unlink(name)
    except OSError:
        pass


def _is_private(path: Path) -> bool:
    found = path.lstat()
    mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return mine and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
