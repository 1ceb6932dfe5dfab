"""Fields copied from file to file a piece at a time, packed on the way where that is wanted."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import h5py

from sim.output.stream import FileVariable, Stream
from sim.topology import Box

# Of a field, in bytes: small in memory, large enough for a disk and for a packer's dictionary.
_PIECE = 1 << 20


def piece_shape(shape: tuple[int, ...], itemsize: int, lead: int = 0) -> tuple[int, ...]:
    """Whole rows, or whole planes, of one time and member, about a megabyte: ([member,] time, [z,] y, x)."""
    room, found = _PIECE // itemsize, []
    for cells in reversed(shape[lead + 1 :]):
        found.append(min(cells, max(room, 1)))
        room //= found[-1]
    return (*[1] * (lead + 1), *reversed(found))


def pieces(shape: tuple[int, ...], itemsize: int, lead: int = 0) -> Iterator[Box]:
    """All pieces of a field, in the order in which they lie."""
    sizes = piece_shape(shape, itemsize, lead)
    starts = (range(0, cells, size) for cells, size in zip(shape, sizes, strict=True))
    for corner in itertools.product(*starts):
        yield tuple(slice(i, min(i + size, n)) for i, size, n in zip(corner, sizes, shape, strict=True))


def packed(file: h5py.File, variable: FileVariable, stream: Stream, outputs: int) -> h5py.Dataset:
    """A dataset whose chunks are the pieces, to be written in their order; so the same field makes the same bytes."""
    shape = stream.shape(outputs)
    chunks = piece_shape(shape, variable.dtype.itemsize, len(stream.lead))
    return file.create_dataset(
        variable.name, shape, variable.dtype, chunks=chunks, compression="gzip", shuffle=True, track_times=False
    )


def copy_field(source: h5py.Dataset, target: h5py.Dataset, time: int, lead: int) -> None:
    """Copy a field of one time to its place in one of several; `lead` axes are before the time's."""
    for box in pieces(source.shape, source.dtype.itemsize, lead):
        target[(*box[:lead], slice(time, time + 1), *box[lead + 1 :])] = source[box]
