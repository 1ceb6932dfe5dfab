"""C with OpenMP, blocked in time by tiles whose size is found by trying."""

from __future__ import annotations

import ctypes
import time
from functools import cache

import numpy as np

from sim.bench.contestants.compiling import arguments, compiled, longs
from sim.bench.contestants.contest import contest, fill_ghosts, second_buffer
from sim.bench.work import Work

# Sides of a tile along the first two axes, of which one is the rows' in 2-D, and the steps taken in it, at most half
# of a side.
_TILES = {
    2: [((32, 2048), 8), ((32, 2048), 16), ((64, 1024), 16), ((64, 1024), 32), ((64, 2048), 16)],
    3: [((8, 8), 4), ((16, 16), 4), ((16, 16), 8), ((16, 32), 8), ((32, 32), 8), ((32, 16), 8)],
}
Tile = tuple[tuple[int, int], int]


def loop(work: Work, u: np.ndarray, steps: int) -> np.ndarray:
    return march(work, u, steps, _fastest(work))


def march(work: Work, u: np.ndarray, steps: int, tile: Tile) -> np.ndarray:
    """`loop` in tiles of that size."""
    v = second_buffer(work)
    fill_ghosts(u)
    sides, depth = tile
    program = compiled("tiled.c", work.dtype).march_tiled
    program(*arguments(work, u, v, steps), longs(sides), ctypes.c_long(depth))
    return v if steps % 2 else u


@cache
def _fastest(work: Work) -> Tile:
    """The tile that takes two rounds of its steps in the least time a step; found when warm."""
    return min(_TILES[work.ndim], key=lambda tile: _seconds(work, tile))


def _seconds(work: Work, tile: Tile) -> float:
    steps, u = 2 * tile[1], work.initial()
    begin = time.perf_counter()
    march(work, u, steps, tile)
    return (time.perf_counter() - begin) / steps


if __name__ == "__main__":
    contest(loop)
