"""One implicit equation for the next fields: w = known + s F(w, t)."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp

from solvers.fields import Fields
from solvers.implicit.newton import Effort, Guess, LinearSystem, Newton
from solvers.implicit.preconditioner import multigrids, preconditioner
from solvers.implicit.semidiscrete import Part, Semidiscrete
from solvers.linear.vectors import Operator, minus

# Where rounding may leave more of a residual, in terms of the solution's size, it is no solution.
_MOST_NOISE = 0.1


@dataclass(frozen=True)
class Solving:
    """Solves on all blocks at once, each system preconditioned by multigrid where its equation diffuses.

    `unit`: blocks are cut at multiples of it.  decay: the fastest rate, for what rounding leaves of a residual.
    """

    problem: Semidiscrete
    newton: Newton
    unit: int
    part: Part
    decay: jax.Array

    def __call__(self, known: Fields, s: jax.Array, time: jax.Array, start: Fields) -> tuple[Fields, Effort]:
        """w, from a first guess; `s` > 0 [time]."""
        problem, vectors = self.problem, self.problem.vectors

        def residual(w: Fields) -> Fields:
            return minus(minus(w, known), _times(self.problem, s, problem.rate(w, time, self.part)))

        def about(w: Fields) -> LinearSystem:
            derivative = problem.derivative(w, time, self.part)

            def apply(v: Fields) -> Fields:
                return minus(v, _times(problem, s, derivative(v)))

            return LinearSystem(apply, self._precondition(w, s, time))

        sizes = vectors.dots((start, start), (known, known))
        scale = jnp.sqrt(jnp.maximum(*sizes))
        epsilon = jnp.finfo(next(iter(start.values())).dtype).eps
        noise = epsilon * (1.0 + problem.rounded(s * self.decay))
        left = residual(start)
        guess = Guess(start, left, vectors.norm(left))
        w, effort = self.newton.solve(residual, about, guess, scale, noise, vectors)
        # Any guess would pass, fields that don't change at all included.
        hidden = noise > _MOST_NOISE
        return w, effort._replace(failed=effort.failed | hidden, residual=jnp.where(hidden, noise, effort.residual))

    def _precondition(self, w: Fields, s: jax.Array, time: jax.Array) -> Operator:
        shift, problem = 1.0 / s, self.problem
        grids = multigrids(problem, w, time, shift, self.unit)
        return preconditioner(grids, problem.equation.velocities, shift, problem.rounded)


def _times(problem: Semidiscrete, factor: jax.Array, v: Fields) -> Fields:
    return {name: problem.rounded(factor.astype(x.dtype) * x) for name, x in v.items()}
