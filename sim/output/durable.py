"""Files that are either there and whole, or not there."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sim.failpoints import reach


def temporary(path: Path) -> Path:
    """Where a file is written before it gets its name: beside it, so that renaming is atomic."""
    return path.with_name(f".{path.name}.part")


def check_room(folder: Path, size: int) -> None:
    """Raise OSError where no file of `size` bytes fits.

    HDF5 is not to find out: where a file can't be flushed it can't be closed either, and brings the process down.
    """
    if 0 <= resource.getrlimit(resource.RLIMIT_FSIZE)[0] < size:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    if shutil.disk_usage(folder).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def publish(path: Path) -> None:
    """Give a finished temporary file its name, for good: sync it, rename it, sync the folder."""
    part = temporary(path)
    reach("file written")
    sync(part)
    reach("file synced")
    os.replace(part, path)
    reach("file renamed")
    sync(path.parent)


def write_durably(path: Path, write: Callable[[Path], None]) -> None:
    """Let write(temporary) make the file, then publish it; on failure remove what there is and raise."""
    try:
        write(temporary(path))
        publish(path)
    except BaseException:
        temporary(path).unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    def write(part: Path) -> None:
        part.write_text(text, encoding="utf-8")

    write_durably(path, write)


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def replace_quickly(path: Path, content: bytes) -> None:
    """Whole for whoever reads it at any moment, but not synced: for what is worth nothing after a crash."""
    part = temporary(path)
    try:
        part.write_bytes(content)
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def make_folder(path: Path) -> None:
    """A folder that is there, and stays: what is in it would be lost with it.  Raises OSError."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync(folder.parent)


def sync(path: Path) -> None:
    """Have what is in a file, or which files are in a folder, on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
