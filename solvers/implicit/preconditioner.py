"""Multigrid for the diffusion in an equation, as a preconditioner of all of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from solvers.block import Block, core
from solvers.boundary import Periodic
from solvers.derivative import derivative
from solvers.exchange import LOWER, UPPER
from solvers.fields import Fields
from solvers.implicit.semidiscrete import Semidiscrete
from solvers.linear.cells import Cells
from solvers.linear.level import Level, Reflection, Reflections
from solvers.linear.multigrid import Multigrid
from solvers.linear.uniform import Uniform
from solvers.linear.varying import Varying
from solvers.linear.vectors import Operator
from solvers.reductions import maximum
from solvers.rounding import Rounding
from solvers.wall import Setting
from solvers.walls import Walls
from solvers.window import layers


def multigrids(problem: Semidiscrete, u: Fields, time: jax.Array, shift: jax.Array, unit: int) -> dict[str, Stack]:
    """For each field that diffuses, shift - ∇·(k∇ ) with its k and its walls about u.

    Of an equation of second order in time, ∂v/∂t = ∇·(k∇u), it is shift² - ∇·(k∇ ) for the place u.
    Where its diffusion is squared, √shift - ∇·(k∇ ), of which two V-cycles make the square: that differs from
    shift + (∇·k∇)² by what lies between 1/2 and 1, whatever the shift.
    """
    patch = problem.patch(u, time)
    grids: dict[str, Stack] = {}
    for name, diffusion in problem.equation.diffusion(patch).items():
        dtype = u[name].dtype
        level = Level(
            Cells(problem.grid.shape, problem.grid.spacing),
            Block(problem.block.shape, 1, problem.block.extent, problem.block.offset),
            problem.exchange,
            _reflections(problem, patch.fields[name], problem.walls[name], time),
            problem.rounded,
        )
        weights = tuple(jnp.asarray(1.0 / h**2, dtype) for h in problem.grid.spacing)
        c = problem.rounded(shift * shift) if name in problem.equation.velocities else shift
        c = (jnp.sqrt(c) if diffusion.squared else c).astype(dtype)
        ks = diffusion.k if isinstance(diffusion.k, tuple) else (diffusion.k,) * len(weights)
        operator: Uniform | Varying
        if all(k.ndim == 0 for k in ks):
            operator = Uniform(level, tuple(problem.rounded(k * w) for k, w in zip(ks, weights, strict=True)), c)
        else:
            cells = tuple(_fitting(k, level) for k in ks)
            operator = Varying.from_coefficients(level, weights, cells, c, diffusion.mean)
        grids[name] = Stack(Multigrid(operator, unit), 2 if diffusion.squared else 1)
    return grids


class Stack(NamedTuple):
    """V-cycles one after the other, each of what the one before has made."""

    grid: Multigrid
    cycles: int

    def precondition(self, r: jax.Array) -> jax.Array:
        return lax.fori_loop(0, self.cycles, lambda _, b: self.grid.precondition(b), r)

    def full(self, r: jax.Array) -> jax.Array:
        for _ in range(self.cycles):
            r = core(self.grid.full(r), 1)
        return r


def _fitting(k: jax.Array, level: Level) -> jax.Array:
    """k as an array of the level's cells and one layer of ghosts."""
    shape = level.block.ghosted_shape
    return core(k, (k.shape[0] - shape[0]) // 2) if k.ndim else jnp.broadcast_to(k, shape)


def preconditioner(
    grids: dict[str, Stack], velocities: Mapping[str, str], shift: jax.Array, rounded: Rounding
) -> Operator:
    """About (I - J / shift)⁻¹, where there are multigrids for shift - J; the identity for other fields.

    Of a place u and its velocity v, shift u - v = a and shift v - ∇·(k∇u) = b, it is v that is eliminated:
    (shift² - ∇·(k∇ )) u = shift a + b.
    """

    def times(v: jax.Array) -> jax.Array:
        return rounded(shift.astype(v.dtype) * v)

    def apply(r: Fields) -> Fields:
        found = dict(r)
        for name, grid in grids.items():
            velocity = velocities.get(name)
            if velocity is None:
                found[name] = grid.precondition(times(r[name]))
            else:
                a = times(r[name])
                found[name] = grid.precondition(times(a) + times(r[velocity]))
                found[velocity] = times(found[name]) - a
        return found

    return apply


def _reflections(problem: Semidiscrete, u: jax.Array, walls: Walls, time: jax.Array) -> Reflections:
    """How the ghosts at each wall change with the cells that they mirror, linearised; one number a side."""
    setting = Setting(problem.block, problem.exchange, problem.coefficients, time)
    change = derivative(lambda v: walls.fill(v, setting), u, jnp.ones_like(u), problem.rounded)
    return [
        None
        if isinstance(walls.sides[axis][0], Periodic)
        else (_reflection(problem, change, axis, LOWER), _reflection(problem, change, axis, UPPER))
        for axis in range(u.ndim)
    ]


def _reflection(problem: Semidiscrete, change: jax.Array, axis: int, side: int) -> Reflection:
    """Where it differs along the wall, the largest: that of the wall that holds least."""
    block = problem.block
    wall = block.margins[axis] + (block.extent[axis] if side == UPPER else -1)
    across = list(block.interior)
    across[axis] = slice(None)
    ghosts = layers(change, axis, wall, 1)[tuple(across)]
    mask = block.owned()
    if mask is not True:
        ghosts = jnp.where(layers(jnp.asarray(mask), axis, 0, 1), ghosts, -jnp.inf)
    at_edge = problem.exchange.at_edge(axis, side)
    return maximum(jnp.where(at_edge, ghosts, -jnp.inf), problem.exchange).astype(change.dtype)
