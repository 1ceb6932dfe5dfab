"""Halos between ranks, checked cell by cell; snapshots by MPI-IO, read back by h5py; the list of what was checked."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
from mpi4py import MPI

from sim import casefile, platform
from sim.output.snapshot import Snapshot
from sim.output.stream import streams_of
from sim.output.writer import choose_writer
from sim.team import MpiTeam
from sim.topology import Ghosts, axis_names
from sim.transport import Transport, Wish, choose_transport
from solvers.halo import exchange_halos

SHAPES = {1: (37,), 2: (13, 17), 3: (11, 8, 9)}


def grids(count: int, ndim: int) -> Iterator[tuple[int, ...]]:
    """All process grids of so many blocks: 1 × N and N × 1 too."""
    factors = [n for n in range(1, count + 1) if count % n == 0]
    return (grid for grid in itertools.product(factors, repeat=ndim) if math.prod(grid) == count)


def check_halos(transport: Transport, values: np.ndarray) -> None:
    """A block with its ghosts is a window on the periodic continuation of the whole, corners and all."""
    exchange = transport.compile(lambda block, exchange, u: (exchange_halos(u, block, exchange), ()), donate=(0,))
    found = np.asarray(exchange(transport.place(lambda box: values[box], values.dtype))[0])
    g = transport.margins[0]
    window = tuple(slice(s.start, s.stop + 2 * g) for s in transport.topology.box(transport.team.rank))
    np.testing.assert_array_equal(found, np.pad(values, g, mode="wrap")[window])


def check_file(transport: Transport, values: np.ndarray, path: Path) -> None:
    """What all ranks write together, each can read, all of it."""
    axes = {name: {"cells": n} for name, n in zip(axis_names(values.ndim), values.shape, strict=True)}
    table = {"name": "file", "grid": axes, "equation": {"alpha": 1.0}, "initial": {"u": 0.0}, "time": {"end": 1.0}}
    table = {**table, "boundary": dict.fromkeys(axes, "periodic"), "numerics": {"dtype": str(values.dtype)}}
    case = casefile.load(table)
    field = transport.place(lambda box: values[box], values.dtype)
    writer = choose_writer("mpi-io", transport.team)
    snapshot = Snapshot(path, case, streams_of(case, ["u"])["snapshots"], 0.5, transport.team, {})
    snapshot.complete({"u": transport.blocks(field)}, writer)
    transport.team.gather(None)
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["u"][0], values)
        assert file["time"][0] == 0.5 and file["u"].dtype == values.dtype


def main() -> None:
    platform.configure(one_device=True)
    team = MpiTeam(MPI.COMM_WORLD)
    checked = []
    for ndim, shape in SHAPES.items():
        for grid in grids(team.size, ndim):
            for dtype, ghosts in (("float32", 1), ("float64", min(n // p for n, p in zip(shape, grid, strict=True)))):
                values = np.arange(1, math.prod(shape) + 1, dtype=dtype).reshape(shape)
                transport = choose_transport("mpi", Wish(process_grid=grid), team, shape, Ghosts(ghosts))
                check_halos(transport, values)
                check_file(transport, values, Path(f"{ndim}-{grid}-{dtype}.h5"))
                checked.append([grid, dtype, ghosts])
    team.disband()
    if MPI.COMM_WORLD.Get_rank() == 0:
        print(json.dumps(checked))


if __name__ == "__main__":
    main()
