"""-∇·(k∇u) + c u as a network of conductances between cells."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import jax
import jax.numpy as jnp

from solvers.block import core
from solvers.exchange import LOWER, UPPER
from solvers.halo import exchange_halos
from solvers.linear.level import Level
from solvers.linear.transfer import interleaved, pair_sums, pairs
from solvers.linear.uniform import Uniform
from solvers.operators import Mean, mean_of, neighbour

# Where k jumps from cell to cell, what a few cells are like says little about the way around them.  A coarse link is
# not weaker than this part of the finer ones that it stands for, else corrections overshoot without a bound; and no
# cell takes more than this part of another pair than its own, else restriction, a plain sum, is too far from the
# adjoint for conjugate gradients.  With equal k they are one half and one quarter, away from walls.  Bounds nearer to
# these are better where k is random and worse where it is smooth and merely varies much.
_LEAST_LINK, _MOST_FAR = 0.25, 0.5


@dataclass(frozen=True)
class Varying:
    """(A u)_i = Σ_faces G (u_i - u_neighbour) + Σ_walls W u_i + C u_i.

    links: for each axis G between a cell and its lower neighbour, a filled ghosted field, zero at walls.
    walls: for each axis W, from the cell to a wall of value zero, dtype[block.shape].
    store: C, dtype[block.shape].
    """

    level: Level
    links: tuple[jax.Array, ...]
    walls: tuple[jax.Array, ...]
    store: jax.Array

    def __post_init__(self) -> None:
        # Made now: what is first made inside a loop is not there outside of it, or in another one.
        _ = self.inverse_diagonal, self._paths

    gather = 1.0
    """Right-hand sides are integrals over cells: a coarse one is the sum of the finer ones."""

    @classmethod
    def from_coefficients(
        cls, level: Level, weights: tuple[jax.Array, ...], ks: tuple[jax.Array, ...], c: jax.Array, mean: Mean
    ) -> Varying:
        """Of k in cells for each axis, ghosted blocks, filled; c, a scalar or dtype[block.shape]; weights 1 / h²."""
        links, walls = [], []
        for axis, (weight, k) in enumerate(zip(weights, ks, strict=True)):
            link = level.rounded(weight * mean_of(neighbour(k, axis, -1), core(k, 1), mean, level.rounded))
            links.append(_link(level, axis, link))
            walls.append(_wall(level, axis, weight * core(k, 1)))
        return cls(_absorbing(level), tuple(links), tuple(walls), jnp.broadcast_to(c, level.block.shape))

    @classmethod
    def from_uniform(cls, uniform: Uniform) -> Varying:
        level = uniform.level

        def everywhere(x: jax.Array) -> jax.Array:
            return jnp.broadcast_to(x, level.block.shape)

        links = tuple(_link(level, axis, everywhere(weight)) for axis, weight in enumerate(uniform.weights))
        walls = tuple(_wall(level, axis, everywhere(weight)) for axis, weight in enumerate(uniform.weights))
        return cls(_absorbing(level), links, walls, everywhere(uniform.shift))

    @cached_property
    def of_one_cell(self) -> jax.Array:
        """What A is where there is but one cell; elsewhere the diagonal without its links."""
        total = self.store
        for wall in self.walls:
            total = total + wall
        return total

    @cached_property
    def diagonal(self) -> jax.Array:
        total = self.of_one_cell
        for axis, link in enumerate(self.links):
            total = total + (core(link, 1) + neighbour(link, axis, 1))
        return total

    @cached_property
    def inverse_diagonal(self) -> jax.Array:
        return jnp.where(self.diagonal > 0.0, 1.0 / self.diagonal, 0.0)

    def residual(self, u: jax.Array, b: jax.Array) -> jax.Array:
        """b - A u from a filled field."""
        rounded, total = self.level.rounded, b
        for axis, link in enumerate(self.links):
            total = total + rounded(core(link, 1) * neighbour(u, axis, -1))
            total = total + rounded(neighbour(link, axis, 1) * neighbour(u, axis, 1))
        return total - rounded(self.diagonal * core(u, 1))

    def merged(self, coarse: Level) -> Varying:
        """The network of the next level: resistances in series along an axis, conductances in parallel across it.

            |---o---|---o---|---o---|---o---|       from the middle of a pair to the middle of the next:
                    x - ½ - | - 1 - | - ½ - x       half of its inner link, the link between, half of the other's

        But not below `_LEAST_LINK` of the links between alone, the Galerkin operator of constants on pairs.
        `coarse` is the next level on this block.
        """
        axes, owned = self.level.cells.merged, self.level.block.owned()
        links, walls = [], []
        for axis, (link, wall) in enumerate(zip(self.links, self.walls, strict=True)):
            link, wall = jnp.where(owned, core(link, 1), 0.0), jnp.where(owned, wall, 0.0)
            others = tuple(a for a in axes if a != axis)
            if axis in axes:
                path = self._paths[axis]
                link, _ = pairs(link, axis)
                link = _series(link, path.below + path.half)
                # Both of a pair are half of its link away from its middle.
                lower, upper = (_series(one, path.half) for one in pairs(wall, axis))
                wall = lower + upper
            links.append(pair_sums(link, others))
            walls.append(pair_sums(wall, others))
        store = pair_sums(jnp.where(owned, self.store, 0.0), axes)
        filled = tuple(exchange_halos(coarse.ghosted(link), coarse.block, coarse.exchange) for link in links)
        return Varying(_absorbing(coarse), filled, tuple(walls), store)

    def interpolated(self, coarse: jax.Array) -> jax.Array:
        """A filled field of the next level at this block's cells, so that the flux along each link is the same.

        That is, where k is not rough (`_MOST_FAR`).  Along each axis between the middle of a cell's own pair and
        that of the next, or a wall of value zero.
        """
        axes = self.level.cells.merged

        def child(upper: dict[int, int], shifts: dict[int, int], left: tuple[int, ...]) -> jax.Array:
            """At one cell of each pair, interpolated along the axes `left` from the pairs at `shifts`."""
            if not left:
                return _shifted(coarse, shifts)
            axis, *rest = left
            own = child(upper, shifts, tuple(rest))
            other = child(upper, {**shifts, axis: 2 * upper[axis] - 1}, tuple(rest))
            weight = self._paths[axis].far[upper[axis]]
            for a in axes:
                if a != axis:
                    weight = pairs(weight, a)[upper[a]]
            return own + self.level.rounded(weight * (other - own))

        def cells(upper: dict[int, int], left: tuple[int, ...]) -> jax.Array:
            if not left:
                return child(upper, {}, axes)
            axis, *rest = left
            lower, higher = (cells({**upper, axis: which}, tuple(rest)) for which in (0, 1))
            return interleaved(lower, higher, axis, self.level.block.shape[axis])

        return cells({}, axes[::-1])

    @cached_property
    def _paths(self) -> dict[int, _Path]:
        return {axis: self._path(axis) for axis in self.level.cells.merged}

    def _path(self, axis: int) -> _Path:
        level = self.level
        pair_block = level.merged_block((axis,))
        pair_level = replace(level, block=pair_block)
        upper_cells = level.index(axis) < level.cells.shape[axis]
        within = jnp.where(upper_cells, 0.5 * _resistance(core(self.links[axis], 1)), 0.0)
        _, half = pairs(within, axis)
        around = pair_level.filled(pair_level.ghosted(half))
        lower_wall, upper_wall = pairs(self.walls[axis], axis)
        below, _ = pairs(core(self.links[axis], 1), axis)
        _, above = pairs(neighbour(self.links[axis], axis, 1), axis)
        lower_half, upper_half = neighbour(around, axis, -1), neighbour(around, axis, 1)
        to_below = _resistance(below + lower_wall) + lower_half
        to_above = _resistance(above + upper_wall) + upper_half
        most = jnp.asarray(_MOST_FAR, half.dtype)
        far = tuple(jnp.minimum(half / (to + half), most) for to in (to_below, to_above))
        return _Path(half, lower_half, (far[0], far[1]))


class _Path(NamedTuple):
    """Along an axis from pair to pair of cells; dtype[pairs along this axis, cells along the others].

    half: half of the resistance within the pair.  below: the same of the pair below.
    far: how much the lower, and the upper, cell of the pair takes of the pair beyond it.
    """

    half: jax.Array
    below: jax.Array
    far: tuple[jax.Array, jax.Array]


def _series(conductance: jax.Array, resistance: jax.Array) -> jax.Array:
    """Of a link and what follows it, within bounds; nothing where there is no link."""
    both = 1.0 / (_resistance(conductance) + resistance)
    least = jnp.asarray(_LEAST_LINK, conductance.dtype) * conductance
    return jnp.where(conductance > 0.0, jnp.maximum(both, least), 0.0)


def _resistance(conductance: jax.Array) -> jax.Array:
    """1 / G, where G = 0 as much as leaves room for sums."""
    least = jnp.asarray(1e4 * jnp.finfo(conductance.dtype).tiny, conductance.dtype)
    return 1.0 / jnp.maximum(conductance, least)


def _link(level: Level, axis: int, link: jax.Array) -> jax.Array:
    """Links to lower neighbours as a filled field; the ring brings the first one's zero beyond the upper wall."""
    link = jnp.where(level.wall(axis, LOWER), 0.0, link)
    return exchange_halos(level.ghosted(link), level.block, level.exchange)


def _wall(level: Level, axis: int, link: jax.Array) -> jax.Array:
    total = jnp.zeros_like(link)
    for side, reflection in zip((LOWER, UPPER), level.reflections[axis] or (), strict=False):
        through = link * (1.0 - jnp.asarray(reflection, link.dtype))
        total = total + level.rounded(jnp.where(level.wall(axis, side), through, 0.0))
    return total


def _absorbing(level: Level) -> Level:
    """The level with zeros beyond its walls."""
    return replace(level, reflections=tuple(pair and (0.0, 0.0) for pair in level.reflections))


def _shifted(u: jax.Array, shifts: dict[int, int]) -> jax.Array:
    index = (slice(1 + shifts.get(axis, 0), n - 1 + shifts.get(axis, 0)) for axis, n in enumerate(u.shape))
    return u[tuple(index)]
