"""Blocks into a file without MPI, from any number of processes."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator

import numpy as np

from sim.output.place import Blocks, FilePlace, as_written
from sim.topology import Box

_BYTES = 8 << 20


def write_blocks(place: FilePlace, blocks: Blocks) -> None:
    """Write this process's blocks, and sync them.

    Each process writes just its own bytes, so several may do so at once.  Raises OSError.
    """
    descriptor = os.open(place.path, os.O_WRONLY)
    try:
        for box, block in blocks:
            for part_box, part in _layers(box, block):
                for start, run in _runs(part_box, as_written(part, place.dtype), place.shape):
                    _write_all(descriptor, run, place.offset + start * place.dtype.itemsize)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _layers(box: Box, block: np.ndarray) -> Iterator[tuple[Box, np.ndarray]]:
    """A block some layers at a time, so that no second one of its size is made."""
    if block.size:
        depth = max(1, _BYTES * len(block) // block.nbytes)
        for start in range(0, len(block), depth):
            part = block[start : start + depth]
            first = box[0].start + start
            yield (slice(first, first + len(part)), *box[1:]), part


def _runs(box: Box, block: np.ndarray, shape: tuple[int, ...]) -> Iterator[tuple[int, memoryview]]:
    """The pieces of a block that lie together in the whole array: (number of the first cell, bytes)."""
    # The last axis that is cut, and all whole ones after it, make one piece.
    axis = max((a for a, n in enumerate(shape) if block.shape[a] != n), default=0)
    strides = [math.prod(shape[a + 1 :]) for a in range(len(shape))]
    inner = strides[axis] * box[axis].start
    for index in np.ndindex(block.shape[:axis]):
        outer = sum(s * (cells.start + i) for s, cells, i in zip(strides, box, index, strict=False))
        yield outer + inner, block[index].data.cast("B")


def _write_all(descriptor: int, run: memoryview, position: int) -> None:
    while run:
        written = os.pwrite(descriptor, run, position)
        run, position = run[written:], position + written
