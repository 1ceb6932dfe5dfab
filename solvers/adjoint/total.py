"""What is differentiated: a sum over all cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import jax
import jax.numpy as jnp

from solvers.block import Block, core, with_margin
from solvers.exchange import Exchange
from solvers.fields import Fields
from solvers.reductions import exact_sum

Density: TypeAlias = Callable[[Fields, Fields], jax.Array]
"""(fields, data), each dtype[cells, …] or a number, → what each cell adds: a pure function, made of JAX's."""


@dataclass(frozen=True)
class Total:
    """L = Σ density(u, data) over the grid's `cells` cells, the same to the bit however they are cut."""

    density: Density
    cells: int

    def slopes(
        self, block: Block, exchange: Exchange, fields: Fields, data: Fields
    ) -> tuple[Fields, dict[str, jax.Array]]:
        """∂L/∂u in each cell, as ghosted blocks with zeros in ghosts, and L, float64, as "total": a program."""
        seen = {name: core(values, block.margins) if values.ndim else values for name, values in data.items()}

        def each(cells: Fields) -> jax.Array:
            return jnp.where(block.owned(), self.density(cells, seen), 0.0)

        values, pull = jax.vjp(each, {name: core(u, block.margins) for name, u in fields.items()})
        (slopes,) = pull(jnp.ones_like(values))
        ghosted = {name: with_margin(slope, block.margins) for name, slope in slopes.items()}
        return ghosted, {"total": exact_sum(values, self.cells, exchange)}
