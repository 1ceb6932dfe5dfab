"""Blocks into a file without MPI, from any number of processes."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator

import numpy as np

from sim.output.place import Blocks, Place
from sim.topology import Box


def write_blocks(place: Place, blocks: Blocks) -> None:
    """Write this process's blocks, and sync them.

    Each process writes just its own bytes, so several may do so at once.  Raises OSError.
    """
    descriptor = os.open(place.path, os.O_WRONLY)
    try:
        for box, block in blocks:
            if block.size:
                for start, run in _runs(box, np.ascontiguousarray(block, place.dtype), place.shape):
                    _write_all(descriptor, run, place.offset + start * place.dtype.itemsize)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
