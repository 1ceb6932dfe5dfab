"""One block, one file: numpy's .npy, hashed while it is written and while it is verified."""

from __future__ import annotations

import hashlib
import math
import os
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy_format

from sim.checkpoint.manifest import BlockEntry, DamageError, FieldEntry, check_regular
from sim.failpoints import reach
from sim.topology import Box, box_shape

_PIECE_BYTES = 1 << 24
_MAGIC = npy_format.magic(1, 0)


def file_name(field: str, box: Box) -> str:
    """u-128-0.npy: the block of u whose first cell is (128, 0); no two blocks have the same."""
    return "-".join([field, *(str(cells.start) for cells in box)]) + ".npy"


def write_block(folder: Path, field: str, box: Box, block: np.ndarray) -> BlockEntry:
    """Write a block, of the box's shape, and sync it.  Raises OSError."""
    name, digest = file_name(field, box), hashlib.sha256()
    values = block.astype(block.dtype.newbyteorder("<"), copy=False)
    with (folder / name).open("xb") as stream:
        out = _Hashing(stream, digest)
        npy_format.write_array_header_1_0(out, _header(values.dtype, values.shape))
        rows = max(1, _PIECE_BYTES * len(values) // max(1, values.nbytes))
        for first in range(0, len(values), rows):
            out.write(np.ascontiguousarray(values[first : first + rows]).data.cast("B"))
            reach("block half written")
        stream.flush()
        reach("block written")
        os.fsync(stream.fileno())
    reach("block synced")
    start, stop = tuple(cells.start for cells in box), tuple(cells.stop for cells in box)
    return BlockEntry(field=field, file=name, start=start, stop=stop, sha256=digest.hexdigest())


def verify_block(folder: Path, entry: BlockEntry, field: FieldEntry, values: bool = True) -> None:
    """Read all of a block's file; raise DamageError, naming the block, unless it is what was written.

    Without `values` only its size is looked at.
    """
    path = folder / entry.file
    try:
        check_regular(path)
        with path.open("rb") as stream:
            _offset(stream, entry, field, path)
            if not values:
                return
            stream.seek(0)
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DamageError(f"block {path} can't be read: {error.strerror or error}") from None
    if found != entry.sha256:
        raise DamageError(f"block {path} is not what was written: its SHA-256 does not match")


def read_part(folder: Path, entry: BlockEntry, field: FieldEntry, part: Box) -> np.ndarray:
    """The cells of a block within `part`, a box of global cells inside it: the system reads the pages touched."""
    path = folder / entry.file
    try:
        with path.open("rb") as stream:
            offset = _offset(stream, entry, field, path)
        mapped = np.memmap(path, np.dtype(field.dtype), "r", offset, box_shape(entry.box))
    except (OSError, ValueError) as error:
        raise DamageError(f"block {path} can't be read: {error}") from None
    local = tuple(slice(p.start - b, p.stop - b) for p, b in zip(part, entry.start, strict=True))
    return np.array(mapped[local])


def _offset(stream: IO[bytes], entry: BlockEntry, field: FieldEntry, path: Path) -> int:
    """Where the values begin; raises DamageError where the file's size is not that of the block.

    The header is measured and not parsed: what the values are, the manifest says.
    """
    head = stream.read(len(_MAGIC) + 2)
    offset = len(_MAGIC) + 2 + int.from_bytes(head[len(_MAGIC) :], "little")
    expected = offset + math.prod(box_shape(entry.box)) * np.dtype(field.dtype).itemsize
    size = os.fstat(stream.fileno()).st_size
    if head[: len(_MAGIC)] != _MAGIC or size != expected:
        raise DamageError(f"block {path} is not an array of {box_shape(entry.box)}: it has {size} bytes")
    return offset


def _header(dtype: np.dtype[Any], shape: tuple[int, ...]) -> dict[str, Any]:
    return {"descr": npy_format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}


class _Hashing:
    """Passes on what is written to it, having hashed it."""

    def __init__(self, stream: IO[bytes], digest: Any) -> None:
        self._stream, self._digest = stream, digest

    def write(self, data: Any) -> None:
        self._digest.update(data)
        self._stream.write(data)
