"""Fields copied from file to file a piece at a time, packed on the way where that is wanted."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import h5py

from sim.output.stream import Variable
from sim.topology import Box

# Of a field, in bytes: small in memory, large enough for a disk and for a packer's dictionary.
_PIECE = 1 << 20


def piece_shape(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Whole rows, or whole planes, of one time, about a megabyte: (time, [z,] y, x)."""
    room, found = _PIECE // itemsize, []
    for cells in reversed(shape[1:]):
        found.append(min(cells, max(room, 1)))
        room //= found[-1]
    return (1, *reversed(found))


def pieces(shape: tuple[int, ...], itemsize: int) -> Iterator[Box]:
    """All pieces of a field, in the order in which they lie."""
    sizes = piece_shape(shape, itemsize)
    starts = (range(0, cells, size) for cells, size in zip(shape, sizes, strict=True))
    for corner in itertools.product(*starts):
        yield tuple(slice(i, min(i + size, n)) for i, size, n in zip(corner, sizes, shape, strict=True))


def packed(file: h5py.File, variable: Variable, shape: tuple[int, ...]) -> h5py.Dataset:
    """A dataset whose chunks are the pieces, to be written in their order; so the same field makes the same bytes."""
    chunks = piece_shape(shape, variable.dtype.itemsize)
    return file.create_dataset(
        variable.name, shape, variable.dtype, chunks=chunks, compression="gzip", shuffle=True, track_times=False
    )


def copy_field(source: h5py.Dataset, target: h5py.Dataset, time: int) -> None:
    """Copy a field of one time to its place in one of several."""
    for _, *box in pieces(source.shape, source.dtype.itemsize):
        target[(time, *box)] = source[(0, *box)]
