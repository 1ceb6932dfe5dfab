"""Geometric multigrid on distributed, cell-centred blocks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
from jax import lax

from solvers.block import core
from solvers.linear.hierarchy import Rung, hierarchy
from solvers.linear.replica import part, whole
from solvers.linear.smoother import LevelOperator, dampings, relax, relaxed_zero
from solvers.linear.transfer import pair_sums

# Below so many cells full multigrid begins, with so many V-cycles.
_FEW = 1 << 12
_CYCLES_WHERE_SMALL = 4
# Steps of the smoother, by the number of axes.
_SMOOTHINGS = {1: 2, 2: 2, 3: 3}


@dataclass(frozen=True)
class Multigrid:
    """A u = b for the A of -∇·(k∇u) + c u with walls of value zero.

    Levels merge cells in pairs down to a single one.  Right-hand sides are summed, corrections interpolated
    linearly between cell centres; coarse operators are discretised anew (constant k) or are the network of what
    lies between the coarse cells (variable k).  Trottenberg, Oosterlee & Schüller, Multigrid, 2001; cell-centred:
    Wesseling, Cell-centered multigrid for interface problems (doi:10.1016/0021-9991(88)90160-6).

    Fields are ghosted by one layer, right-hand sides are not.  Where A is singular (no wall but Neumann and
    periodic ones, c = 0) b's mean must be zero, and u's is anything.
    """

    operator: LevelOperator
    unit: int

    def __post_init__(self) -> None:
        # Made now: what is first made inside a loop is not there outside of it, or in another one.
        _ = self.rungs

    @cached_property
    def rungs(self) -> list[Rung]:
        return hierarchy(self.operator, self.unit)

    def precondition(self, b: jax.Array) -> jax.Array:
        """One V-cycle from zero: about A⁻¹ b, dtype[block.shape], linear in b."""
        level = self.operator.level
        return jnp.where(level.block.owned(), core(self._from_zero(0, b), 1), 0.0)

    def full(self, b: jax.Array) -> jax.Array:
        """Full multigrid: on each level, from a small one on, a V-cycle from what the level below found.

        About as accurate as the discretisation.  Ghosted.
        """
        return self._full(0, b)

    def _full(self, number: int, b: jax.Array) -> jax.Array:
        rung = self.rungs[number]
        if rung.level.cells.count <= _FEW:
            return self._small(number, b)
        coarse = self._full(number + 1, self._coarser(rung, b))
        u = rung.level.ghosted(self._finer(number, coarse))
        return self._cycle(number, u, jnp.zeros_like(u), b)[0]

    def _small(self, number: int, b: jax.Array) -> jax.Array:
        """Several V-cycles on a level where they cost little: less to compile than to come from the coarsest."""
        u = self._from_zero(number, b)
        if self.rungs[number].covered is None:
            return u

        def cycle(_: int, buffers: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            return self._cycle(number, *buffers, b)

        return lax.fori_loop(0, _CYCLES_WHERE_SMALL, cycle, (u, jnp.zeros_like(u)))[0]

    def _from_zero(self, number: int, b: jax.Array) -> jax.Array:
        """A V-cycle from zero, ghosted; on the coarsest level, of a single cell, the solution."""
        operator = self.rungs[number].operator
        if self.rungs[number].covered is None:
            a = operator.of_one_cell
            return operator.level.ghosted(jnp.where(a > 0.0, b / a, 0.0))
        steps = self._dampings(number)
        u, spare = relaxed_zero(operator, b, steps)
        return self._corrected(number, u, spare, b)[0]

    def _cycle(self, number: int, u: jax.Array, spare: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
        operator = self.rungs[number].operator
        steps = self._dampings(number)
        return self._corrected(number, *relax(operator, u, spare, b, steps), b)

    def _corrected(self, number: int, u: jax.Array, spare: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
        """u corrected by the coarser levels, and smoothed."""
        rung = self.rungs[number]
        level, interior = rung.level, rung.level.block.interior
        u = level.filled(u)
        # By way of memory: fused with the sums over pairs, the residual would be computed one by one.
        spare = spare.at[interior].set(rung.operator.residual(u, b))
        coarse = self._from_zero(number + 1, self._coarser(rung, core(spare, 1)))
        u = u.at[interior].set(core(u, 1) + self._finer(number, coarse))
        return relax(rung.operator, u, spare, b, self._dampings(number)[::-1])

    def _dampings(self, number: int) -> tuple[float, ...]:
        cells = self.rungs[number].level.cells
        return dampings(cells.share, _SMOOTHINGS[len(cells.shape)])

    def _coarser(self, rung: Rung, b: jax.Array) -> jax.Array:
        """A right-hand side on the next level."""
        level = rung.level
        assert rung.covered is not None
        owned = jnp.where(level.block.owned(), b, 0.0)
        sums = jnp.asarray(rung.operator.gather, b.dtype) * pair_sums(owned, level.cells.merged)
        return whole(sums, rung.covered, level.cells.coarse().shape, level.exchange) if rung.joins else sums

    def _finer(self, number: int, u: jax.Array) -> jax.Array:
        """A field of the next level at the cells of this one, dtype[block.shape]."""
        rung, coarse = self.rungs[number], self.rungs[number + 1].level
        assert rung.covered is not None
        u = coarse.filled(u)
        return rung.operator.interpolated(part(u, rung.covered) if rung.joins else u)
