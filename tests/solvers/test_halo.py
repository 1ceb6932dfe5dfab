"""Halos, checked cell by cell: fill with the global index, zero the ghosts, exchange, compare with numpy.pad."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sim.topology import box_shape
from sim.transport import Transport
from solvers.block import Block
from solvers.boundary import Boundary, Dirichlet, Neumann, Periodic
from solvers.exchange import LOWER, UPPER, Alone, Exchange
from solvers.grid import Grid
from solvers.halo import exchange_halos
from solvers.wall import Setting
from solvers.walls import Sides, Walls

Place = Callable[[Transport, np.ndarray], jax.Array]


def numbered(shape: tuple[int, ...]) -> np.ndarray:
    """Each cell's global index, from 1: no cell looks like a ghost that was forgotten."""
    return np.arange(1.0, np.prod(shape) + 1).reshape(shape)


# What a ghost is of the cell that it mirrors, at walls where that is all there is to it.
MIRRORS: dict[Boundary, int] = {Neumann(0.0): 1, Dirichlet(0.0): -1}


def continued(values: np.ndarray, g: int, sides: Sides) -> np.ndarray:
    """The whole array with g more cells on each side: around the ring, or mirrored at the walls."""
    for axis, walls in enumerate(sides):
        widths = [(g, g) if a == axis else (0, 0) for a in range(values.ndim)]
        if isinstance(walls[0], Periodic):
            values = np.pad(values, widths, mode="wrap")
            continue
        values = np.pad(values, widths, mode="symmetric")
        for wall, ghosts in zip(walls, (slice(g), slice(-g, None)), strict=True):
            values[tuple(ghosts if a == axis else slice(None) for a in range(values.ndim))] *= MIRRORS[wall]
    return values


def check_every_block(transport: Transport, place: Place, sides: Sides | None = None, dtype: str = "float64") -> None:
    """Each ghosted block, corners and all, is a window on the continuation of the whole."""
    g, topology = transport.margins[0], transport.topology
    values = numbered(topology.shape).astype(dtype)
    grid = Grid(values.shape, (0.0,) * values.ndim, tuple(map(float, values.shape)))
    walls = Walls(sides or [(Periodic(), Periodic())] * values.ndim, grid, g)

    def exchanged(block: Block, exchange: Exchange, u: jax.Array) -> tuple[jax.Array, tuple[()]]:
        return walls.fill(exchange_halos(u, block, exchange), Setting(block, exchange, {}, jax.numpy.float64(0))), ()

    field = np.asarray(transport.compile(exchanged, donate=(0,))(place(transport, values))[0])
    assert field.dtype == dtype
    around = continued(values, g, walls.sides)
    ghosted = [n + 2 * g for n in topology.largest]
    for rank in range(topology.count):
        here = topology.coordinates(rank)
        stacked = field.ndim > len(here)  # [*blocks, *ghosted], or side by side
        block = field[here] if stacked else field[windows(here, ghosted)]
        box = topology.box(rank)
        count = tuple(slice(n + 2 * g) for n in box_shape(box))
        window = tuple(slice(s.start, s.stop + 2 * g) for s in box)
        np.testing.assert_array_equal(block[count], around[window], f"rank {rank} at {here}")


def windows(here: tuple[int, ...], sizes: list[int]) -> tuple[slice, ...]:
    return tuple(slice(c * n, (c + 1) * n) for c, n in zip(here, sizes, strict=True))


@pytest.mark.long
@given(shape=st.lists(st.integers(1, 6), min_size=1, max_size=3), ghosts=st.integers(0, 4), data=st.data())
@settings(max_examples=60)
def test_a_block_alone_is_its_own_neighbour(shape: list[int], ghosts: int, data: st.DataObject) -> None:
    shape = [max(n, ghosts) for n in shape]
    block, values = Block(tuple(shape), ghosts), numbered(tuple(shape))
    filled = exchange_halos(jax.numpy.asarray(np.pad(values, ghosts)), block, Alone())
    np.testing.assert_array_equal(filled, np.pad(values, ghosts, mode="wrap"))


WALLS = st.sampled_from(list(MIRRORS))


@st.composite
def cuts(draw: st.DrawFn, ndim: int) -> dict[str, Any]:
    """A grid, even or not, cut into 1 to 8 blocks, each with at least the ghost depth of cells an axis."""
    blocks: list[int] = []
    for _ in range(ndim):
        blocks.append(draw(st.integers(1, 8 // int(np.prod(blocks, initial=1)))))
    ghosts = draw(st.integers(1, 8))
    shape = tuple(parts * ghosts + draw(st.integers(0, 2 * parts)) for parts in blocks)
    return {"shape": shape, "ghosts": ghosts, "process_grid": tuple(blocks), "devices": int(np.prod(blocks))}


def all_sides(ndim: int) -> st.SearchStrategy[Sides]:
    ring = st.just((Periodic(), Periodic()))
    return st.lists(st.one_of(ring, st.tuples(WALLS, WALLS)), min_size=ndim, max_size=ndim)


@pytest.mark.parametrize(
    ("ndim", "halo"),
    [
        *((ndim, "ppermute") for ndim in (1, 2, 3)),
        *((ndim, "psum") for ndim in (1, 2)),
        pytest.param(3, "psum", marks=pytest.mark.long),
    ],
)
def test_devices_are_each_others_neighbours(
    ndim: int, halo: str, transport_of: Callable[..., Transport], place: Place
) -> None:
    uneven = {"shape": (25, 17, 9)[:ndim], "ghosts": 8, "process_grid": (3, 2, 1)[:ndim], "devices": 3 * min(ndim, 2)}
    many = {"shape": (16, 4, 5)[:ndim], "ghosts": 2, "process_grid": (8, 1, 1)[:ndim], "devices": 8}

    @given(cut=cuts(ndim), sides=all_sides(ndim), dtype=st.sampled_from(["float32", "float64"]))
    @example(cut=uneven, sides=[(Neumann(0.0), Dirichlet(0.0))] * ndim, dtype="float32")
    @example(cut=many, sides=[(Periodic(), Periodic())] * ndim, dtype="float64")
    @settings(max_examples=10)
    def check(cut: dict[str, Any], sides: Sides, dtype: str) -> None:
        check_every_block(transport_of(name="xla", halo=halo, **cut), place, sides, dtype)

    check()


@pytest.mark.parametrize("process_grid", [(6,), (2, 3), (2, 1, 3), (2, 2, 2)], ids=str)
@pytest.mark.parametrize("name", ["virtual", "auto-sharded"])
def test_stacked_blocks_too(
    name: str, process_grid: tuple[int, ...], transport_of: Callable[..., Transport], place: Place
) -> None:
    shape = tuple(3 * parts + 1 for parts in process_grid)
    count = int(np.prod(process_grid))
    wish = {"blocks": count} if name == "virtual" else {"devices": count}
    check_every_block(transport_of(shape, 3, name, process_grid=process_grid, **wish), place)


def test_the_check_sees_a_wrong_corner(transport_of: Callable[..., Transport], place: Place, monkeypatch: Any) -> None:
    """Strips of the interior only fill every side and no corner: the check must fail."""

    def without_corners(u: jax.Array, block: Block, exchange: Exchange) -> jax.Array:
        g = block.ghosts
        for axis, n in enumerate(block.shape):

            def strip(start: int, axis: int = axis) -> tuple[slice, ...]:
                return tuple(slice(start, start + g) if a == axis else s for a, s in enumerate(block.interior))

            for step, here, there in ((UPPER, n, 0), (LOWER, g, n + g)):
                u = u.at[strip(there)].set(exchange.shift(u[strip(here)], axis, step))
        return u

    monkeypatch.setitem(globals(), "exchange_halos", without_corners)
    with pytest.raises(AssertionError, match="Mismatched elements: 4 "):
        check_every_block(transport_of((4, 6), 1, "virtual", process_grid=(2, 2), blocks=4), place)
