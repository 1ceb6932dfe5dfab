"""Compiled programs kept on disk, so that a run need not compile what an earlier one has."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import jax
from jax._src import compilation_cache
from jax._src.compilation_cache_interface import CacheInterface

from sim import kept

_MOST_BYTES = 256 << 20


class Programs(CacheInterface):
    """JAX's persistent compilation cache, in files that are whole or not there: sha256, then what JAX gives.

    JAX's own files are written in place: a rank may read what another has written half, and a kill leaves it so
    for ever.  The key is a hash of the whole program, the communicators' handles and addresses in mpi4jax's calls
    included, of the compiler's flags and versions: a program with another handle is another program.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory

    def get(self, key: str) -> bytes | None:
        path = self._file(key)
        try:
            content = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        digest, value = content[:32], content[32:]
        return value if hashlib.sha256(value).digest() == digest else None

    def put(self, key: str, value: bytes) -> None:
        self._make_room(len(value))
        kept.write(self._file(key), hashlib.sha256(value).digest() + value)

    def _file(self, key: str) -> Path:
        return self._path / f"{key}.program"

    def _make_room(self, wanted: int) -> None:
        """Remove what has not been used for the longest time."""
        try:
            found = [(path.stat(), path) for path in self._path.iterdir()]
        except OSError:
            return
        excess = sum(status.st_size for status, _ in found) + wanted - _MOST_BYTES
        for status, path in sorted(found, key=lambda entry: entry[0].st_mtime):
            if excess <= 0:
                return
            path.unlink(missing_ok=True)
            excess -= status.st_size


def keep_programs(lasting: bool) -> None:
    """Keep compiled programs from now on, where they are `lasting`: of no use to this process alone.

    Leaves a user's own compilation cache alone.
    """
    if jax.config.values["jax_compilation_cache_dir"]:
        return
    directory = kept.directory() if lasting else None
    if directory is not None:
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    compilation_cache._cache = None if directory is None else Programs(directory)
    compilation_cache._cache_initialized = directory is not None
