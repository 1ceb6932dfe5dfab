"""Multigrid for the diffusion in an equation, as a preconditioner of all of it."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from solvers.block import Block, core
from solvers.boundary import Periodic
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


def multigrids(problem: Semidiscrete, u: Fields, time: jax.Array, shift: jax.Array, unit: int) -> dict[str, Multigrid]:
    """For each field that diffuses, shift - ∇·(k∇ ) with its k and its walls about u."""
    patch = problem.patch(u, time)
    grids = {}
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
        k, c = diffusion.k, shift.astype(dtype)
        if k.ndim == 0:
            grids[name] = Multigrid(Uniform(level, tuple(problem.rounded(k * w) for w in weights), c), unit)
        else:
            k = core(k, (k.shape[0] - level.block.ghosted_shape[0]) // 2)
            grids[name] = Multigrid(Varying.from_coefficients(level, weights, k, c, diffusion.mean), unit)
    return grids


def preconditioner(grids: dict[str, Multigrid], shift: jax.Array, rounded: Rounding) -> Operator:
    """About (I - J / shift)⁻¹, where there are multigrids for shift - J; the identity for other fields."""

    def apply(r: Fields) -> Fields:
        return {
            name: grids[name].precondition(rounded(shift.astype(v.dtype) * v)) if name in grids else v
            for name, v in r.items()
        }

    return apply


def _reflections(problem: Semidiscrete, u: jax.Array, walls: Walls, time: jax.Array) -> Reflections:
    """How the ghosts at each wall change with the cells that they mirror, linearised; one number a side."""
    setting = Setting(problem.block, problem.exchange, problem.coefficients, time)
    _, change = jax.jvp(lambda v: walls.fill(v, setting), (u,), (jnp.ones_like(u),))
    return [
        None
        if isinstance(walls.sides[axis][0], Periodic)
        else (_reflection(problem, change, axis, LOWER), _reflection(problem, change, axis, UPPER))
        for axis in range(u.ndim)
    ]


def _reflection(problem: Semidiscrete, change: jax.Array, axis: int, side: int) -> Reflection:
    """Where it differs along the wall, the largest: that of the wall that holds least."""
    block = problem.block
    wall = block.ghosts + block.extent[axis] if side == UPPER else block.ghosts - 1
    across = [slice(block.ghosts, block.ghosts + n) for n in block.shape]
    across[axis] = slice(None)
    ghosts = layers(change, axis, wall, 1)[tuple(across)]
    mask = block.owned()
    if mask is not True:
        ghosts = jnp.where(layers(jnp.asarray(mask), axis, 0, 1), ghosts, -jnp.inf)
    at_edge = problem.exchange.at_edge(axis, side)
    return maximum(jnp.where(at_edge, ghosts, -jnp.inf), problem.exchange).astype(change.dtype)
