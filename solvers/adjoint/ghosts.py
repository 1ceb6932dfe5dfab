"""What hangs on ghosts hangs on the cells that they are made of."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from solvers.fields import Fields
from solvers.halo import return_halos
from solvers.wall import Setting
from solvers.walls import Walls
from solvers.window import Window, layers, with_layers


def returned(
    slope: jax.Array, u: jax.Array, walls: Walls, setting: Setting, through: Fields
) -> tuple[jax.Array, Fields]:
    """The adjoint of filling ghosts: ∂L/∂ of a field with ghosts → ∂L/∂ of its cells, zero in ghosts; and `through`,
    ∂L/∂ of the setting's coefficients, with what the walls make of these.

    slope, u: dtype[block.ghosted_shape], u the field, its ghosts filled.
    """
    for axis, side in reversed(walls.places(setting.exchange)):
        slope, through = _from_wall(slope, u, walls, axis, side, setting, through)
    return return_halos(slope, setting.block, setting.exchange), through


def _from_wall(
    slope: jax.Array, u: jax.Array, walls: Walls, axis: int, side: int, setting: Setting, through: Fields
) -> tuple[jax.Array, Fields]:
    block, depth = setting.block, walls.reach(axis, side)
    inner, outer = walls.inner(block, axis, side), walls.outer(block, axis, side)

    def near(of: jax.Array) -> jax.Array:
        return layers(of, axis, inner, depth)

    def with_more(of: jax.Array, more: jax.Array) -> jax.Array:
        return with_layers(of, axis, inner, near(of) + more)

    def ghosts(cells: jax.Array, known: Fields) -> jax.Array:
        return walls.ghosts(cells, known, axis, side, setting, Window.whole(block.ndim))

    known = {name: near(c) if c.ndim else c for name, c in setting.coefficients.items()}
    there = setting.exchange.at_edge(axis, side)

    def part(wanted: bool | jax.Array) -> jax.Array:
        strip = layers(slope, axis, outer, walls.width)
        return jnp.where(wanted, strip, 0.0)

    of_cells, of_known = jax.vjp(ghosts, near(u), known)[1](part(there))
    slope = with_more(slope, of_cells)
    slope = with_layers(slope, axis, outer, part(jnp.logical_not(there)))
    totals = {
        name: with_more(total, of_known[name]) if total.ndim else total + of_known[name].astype(total.dtype)
        for name, total in through.items()
    }
    return slope, totals
