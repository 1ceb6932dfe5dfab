"""-k ∇²u + c u with constant k and c, on cells of one size."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from solvers.block import core
from solvers.linear.level import Level
from solvers.linear.transfer import interleaved, sliced
from solvers.operators import neighbour


@dataclass(frozen=True)
class Uniform:
    """(A u)_i = Σ_axis w (2 u_i - u_{i-1} - u_{i+1}) + c u_i, with w = k / h².

    weights: w of each axis; shift: c; scalars of the field's dtype.

    Walls are in the ghosts: `Level.filled`.
    """

    level: Level
    weights: tuple[jax.Array, ...]
    shift: jax.Array

    @property
    def diagonal(self) -> jax.Array:
        total = self.shift
        for weight in self.weights:
            total = total + 2.0 * weight
        return total

    @property
    def inverse_diagonal(self) -> jax.Array:
        return 1.0 / self.diagonal

    @property
    def of_one_cell(self) -> jax.Array:
        """What A is where there is but one cell: what its walls let through, and c."""
        total = self.shift
        for weight, pair in zip(self.weights, self.level.reflections, strict=True):
            for reflection in pair or ():
                total = total + self.level.rounded(weight * (1.0 - jnp.asarray(reflection, weight.dtype)))
        return total

    def residual(self, u: jax.Array, b: jax.Array) -> jax.Array:
        """b - A u from a filled field."""
        total = b
        for axis, weight in enumerate(self.weights):
            pair = neighbour(u, axis, 1) + neighbour(u, axis, -1)
            total = total + self.level.rounded(weight * pair)
        return total - self.level.rounded(self.diagonal * core(u, 1))

    def merged(self, coarse: Level) -> Uniform:
        """The same operator on the next level, which is of cells of one size too."""
        merged = self.level.cells.merged
        weights = tuple(0.25 * w if axis in merged else w for axis, w in enumerate(self.weights))
        return Uniform(coarse, weights, self.shift)

    @property
    def gather(self) -> float:
        """What a coarse right-hand side is of the sum of the finer one's: values are per volume."""
        return 0.5 ** len(self.level.cells.merged)

    def interpolated(self, coarse: jax.Array) -> jax.Array:
        """A filled field of the next level at this block's cells: linear between centres, three quarters and one."""
        for axis, n in enumerate(self.level.block.shape):
            own = sliced(coarse, axis, slice(1, -1))
            if axis in self.level.cells.merged:
                lower, upper = (
                    own + self.level.rounded(0.25 * (sliced(coarse, axis, side) - own))
                    for side in (slice(None, -2), slice(2, None))
                )
                own = interleaved(lower, upper, axis, n)
            coarse = own
        return coarse
