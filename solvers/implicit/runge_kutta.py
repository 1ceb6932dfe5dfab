"""A step of an implicit Runge–Kutta method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from solvers.fields import Fields
from solvers.implicit.newton import Effort
from solvers.implicit.semidiscrete import Part, Semidiscrete
from solvers.implicit.solving import Solving
from solvers.implicit.tableaux import ImplicitTableau
from solvers.linear.vectors import minus


@dataclass(frozen=True)
class ImplicitRungeKutta:
    """u(t) → u(t + Δt) by a tableau, diagonally implicit: one system a stage, each of the size of u.

    The stages are turns of a loop, so that a system of equations is compiled once.
    """

    tableau: ImplicitTableau

    @property
    def registers(self) -> Mapping[str, str]:
        return {}

    @property
    def part(self) -> Part:
        """What of the equation the systems are of."""
        return "stiff" if self.tableau.explicit else "tendency"

    def __call__(
        self, solving: Solving, u: Fields, registers: Fields, number: jax.Array, time: jax.Array, dt: jax.Array
    ) -> tuple[Fields, Fields, Effort]:
        """Also new registers, and what it took.  `number` counts steps, from 0 where Δt changes."""
        tableau, problem = self.tableau, solving.problem
        parts = tableau.parts
        matrices = [jnp.asarray(rows) for rows in parts]
        times = jnp.asarray(tableau.times)

        def stage(i: jax.Array, before: _Stages) -> _Stages:
            rates, known = before.rates, u
            if tableau.keeps_rates:
                found = self._rates(problem, before.state, time + problem.rounded(times[i - 1] * dt))
                rates = tuple(_put(kept, i - 1, rate) for kept, rate in zip(rates, found, strict=True))
            for matrix, kept in zip(matrices, rates, strict=False):
                for j in range(tableau.stages - 1):
                    known = problem.vectors.plus(known, matrix[i, j] * dt, {name: v[j] for name, v in kept.items()})
            when = time + problem.rounded(times[i] * dt)
            state, taken = solving(known, matrices[0][i, i] * dt, when, before.state)
            return _Stages(state, rates, before.effort.then(taken))

        nothing = {name: jnp.zeros((tableau.stages - 1, *v.shape), v.dtype) for name, v in u.items()}
        first = _Stages(u, (nothing,) * len(parts) if tableau.keeps_rates else (), Effort.none())
        last: _Stages = lax.fori_loop(1, tableau.stages, stage, first)
        return last.state, {}, last.effort

    def _rates(self, problem: Semidiscrete, u: Fields, when: jax.Array) -> tuple[Fields, ...]:
        """Of each part of the tableau."""
        implicit = problem.rate(u, when, self.part)
        if not self.tableau.explicit:
            return (implicit,)
        return implicit, minus(problem.rate(u, when), implicit)


class _Stages(NamedTuple):
    """The last stage's state, the rates of those before it, dtype[stages - 1, …] of each part, and what they took."""

    state: Fields
    rates: tuple[Fields, ...]
    effort: Effort


def _put(kept: Fields, number: jax.Array, rate: Fields) -> Fields:
    return {name: v.at[number].set(rate[name]) for name, v in kept.items()}
