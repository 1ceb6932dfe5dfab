"""An equation on its grid: a system of ordinary differential equations for the cells of all blocks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import jax
import jax.numpy as jnp

from solvers.block import Block, core
from solvers.derivative import derivative
from solvers.equations import Equation, Rates
from solvers.exchange import Exchange
from solvers.fields import Fields
from solvers.grid import Grid
from solvers.halo import exchange_halos
from solvers.linear.vectors import Operator, Vectors
from solvers.patch import Patch
from solvers.reductions import maximum
from solvers.rounding import Rounding
from solvers.wall import Setting
from solvers.walls import Walls

Part: TypeAlias = Literal["tendency", "stiff"]


@dataclass(frozen=True)
class Semidiscrete:
    """∂u/∂t = F(u, t) with u a vector: dtype[block.shape] for each field, no ghosts, zero in padding.

    The block has just the ghosts that a tendency needs, and so have the coefficients.
    """

    equation: Equation
    walls: Mapping[str, Walls]
    grid: Grid
    block: Block
    exchange: Exchange
    coefficients: Fields
    rounded: Rounding

    @classmethod
    def on(
        cls,
        equation: Equation,
        walls: Mapping[str, Walls],
        grid: Grid,
        block: Block,
        exchange: Exchange,
        coefficients: Fields,
        rounded: Rounding,
    ) -> Semidiscrete:
        """On a block of perhaps deeper ghosts."""
        width = equation.width
        extra = [margin - width for margin in block.margins]
        if min(extra) < 0:
            raise ValueError(f"a tendency consumes {width} ghost layers; the block has {min(block.margins)}")
        fitting = {name: core(c, extra) if c.ndim else c for name, c in coefficients.items()}
        return cls(equation, walls, grid, replace(block, ghosts=width, margins=()), exchange, fitting, rounded)

    @property
    def vectors(self) -> Vectors:
        return Vectors(self.block, self.exchange, self.grid.cells, self.rounded)

    def with_halos(self, u: Fields) -> Fields:
        zeros = jnp.zeros(self.block.ghosted_shape)
        return {
            name: exchange_halos(zeros.astype(v.dtype).at[self.block.interior].set(v), self.block, self.exchange)
            for name, v in u.items()
        }

    def rate(self, u: Fields, time: jax.Array, part: Part = "tendency") -> Fields:
        """F(u, t), or the stiff part of it."""
        return self._local(self.with_halos(u), time, part)

    def derivative(self, u: Fields, time: jax.Array, part: Part = "tendency") -> Operator:
        """∂F/∂u at u, walls included, as a function of vectors."""
        here = self.with_halos(u)

        def local(fields: Fields) -> Fields:
            return self._local(fields, time, part)

        def apply(v: Fields) -> Fields:
            found: Fields = derivative(local, here, self.with_halos(v), self.rounded)
            return found

        return apply

    def patch(self, u: Fields, time: jax.Array) -> Patch:
        return self._patch(self.with_halos(u), time)

    def decay(self, u: Fields, time: jax.Array) -> jax.Array:
        """The largest rate of decay anywhere, float64."""
        rates: Rates = self.equation.rates(self.patch(u, time))
        return _largest(rates.decay, self.block, self.exchange)

    def _local(self, fields: Fields, time: jax.Array, part: Part) -> Fields:
        patch = self._patch(fields, time)
        rates = self.equation.stiff(patch) if part == "stiff" else self.equation.tendency(patch)
        return self.vectors.owned(rates)

    def _patch(self, fields: Fields, time: jax.Array) -> Patch:
        setting = Setting(self.block, self.exchange, self.coefficients, time)
        filled = {name: self.walls[name].fill(u, setting) for name, u in fields.items()}
        return Patch(filled, self.coefficients, time, self.block.origin, self.grid, self.rounded)


def _largest(rate: jax.Array | float, block: Block, exchange: Exchange) -> jax.Array:
    rate = jnp.asarray(rate, jnp.float64)
    if rate.ndim == 0:
        return rate
    inside = core(rate, (rate.shape[0] - block.shape[0]) // 2)
    return maximum(jnp.where(block.owned(), inside, -jnp.inf), exchange)
