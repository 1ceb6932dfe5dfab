"""numpy's own formats: `.npy` and `.npz`."""

from __future__ import annotations

import io
import math
import struct
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from sim.fieldfile.layout import FieldFileError, Layout, Range, check_layout, slices
from sim.fieldfile.limits import LONGEST_HEADER, MOST_ARRAYS, check_piece

_CHUNK_BYTES = 1 << 20  # of an archive's member, decompressed at a time
_MEMBER = ".npy"
# By version: how the length of the header is written, and who reads both.
_HEADERS: dict[tuple[int, int], tuple[str, Callable[[IO[bytes]], Any]]] = {
    (1, 0): ("<H", npy_format.read_array_header_1_0),
    (2, 0): ("<I", npy_format.read_array_header_2_0),
}


def _npy_layout(stream: IO[bytes]) -> Layout:
    """Read the header of the .npy format, leaving the stream at the first value."""
    version = npy_format.read_magic(stream)
    if version not in _HEADERS:  # 3.0 is for field names beyond Latin-1, and records are no fields
        raise ValueError(f"version {version} of the .npy format")
    length, read = _HEADERS[version]
    prefix = _exactly(stream, struct.calcsize(length))
    (size,) = struct.unpack(length, prefix)
    # Before it is read: in an archive a few bytes may unpack to gigabytes.
    if size > LONGEST_HEADER:
        raise ValueError(f"a header of {size} bytes")
    shape, fortran, dtype = read(io.BytesIO(prefix + _exactly(stream, size)))
    if any(size < 0 for size in shape):
        raise ValueError(f"negative shape {shape}")
    return Layout(shape, dtype, fortran)


class Npy:
    """One array, mapped into memory: the system reads the pages touched."""

    def contents(self, path: Path) -> dict[str, Layout]:
        with path.open("rb") as stream:
            return {"": _npy_layout(stream)}

    def layout(self, path: Path, name: str) -> Layout:
        if name:
            raise FieldFileError(f"{path} holds one array without a name; leave out dataset {name!r}")
        return self.contents(path)[""]

    def read(self, path: Path, name: str, ranges: tuple[Range, ...]) -> NDArray[Any]:
        check_layout(self.layout(path, name), str(path))  # also: it is no .npz, which np.load would open
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        return np.array(mapped[slices(ranges)])


class Npz:
    """Arrays in a zip archive, compressed or not: each a stream, whose rows are kept or passed over."""

    def contents(self, path: Path) -> dict[str, Layout]:
        found = {}
        with zipfile.ZipFile(path) as archive:
            names = [member for member in archive.namelist() if member.endswith(_MEMBER)]
            if len(names) > MOST_ARRAYS:
                raise FieldFileError(f"{path} holds more than {MOST_ARRAYS} arrays; name the one that is meant")
            for member in names:
                with _opened(archive, member) as stream:
                    found[member.removesuffix(_MEMBER)] = _npy_layout(stream)
        return found

    def layout(self, path: Path, name: str) -> Layout:
        with zipfile.ZipFile(path) as archive, _opened(archive, name + _MEMBER) as stream:
            return _npy_layout(stream)

    def read(self, path: Path, name: str, ranges: tuple[Range, ...]) -> NDArray[Any]:
        with zipfile.ZipFile(path) as archive, _opened(archive, name + _MEMBER) as stream:
            layout = _npy_layout(stream)
            check_layout(layout, f"dataset {name!r} of {path}")
            if layout.fortran:  # the same bytes as the transposed array in C order
                return _rows(stream, layout.shape[::-1], layout.dtype, ranges[::-1]).T
            return _rows(stream, layout.shape, layout.dtype, ranges)


@contextmanager
def _opened(archive: zipfile.ZipFile, member: str) -> Iterator[IO[bytes]]:
    # What numpy writes; others may ask for gigabytes just to begin.
    if archive.getinfo(member).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FieldFileError(f"{member!r} of {archive.filename} is not packed as numpy does it; store it with np.savez")
    with archive.open(member) as stream:
        yield stream


def _rows(stream: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any], ranges: tuple[Range, ...]) -> NDArray[Any]:
    """Read a box from a stream of a C-ordered array: rows before it are passed over, those after not read."""
    (start, stop), inner = ranges[0], slices(ranges[1:])
    row_bytes = math.prod(shape[1:]) * dtype.itemsize
    check_piece(row_bytes, "an array of this archive")
    part = np.empty([high - low for low, high in ranges], dtype)
    _pass_over(stream, start * row_bytes)
    step = max(1, _CHUNK_BYTES // row_bytes)
    for first in range(start, stop, step):
        count = min(step, stop - first)
        rows = np.frombuffer(_exactly(stream, count * row_bytes), dtype).reshape(count, *shape[1:])
        part[first - start : first - start + count] = rows[:, *inner]
    return part


def _pass_over(stream: IO[bytes], count: int) -> None:
    while count:
        count -= len(_exactly(stream, min(count, _CHUNK_BYTES)))


def _exactly(stream: IO[bytes], count: int) -> bytes:
    pieces = []
    while count:
        piece = stream.read(count)
        if not piece:
            raise EOFError("the data ends too early")
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)
