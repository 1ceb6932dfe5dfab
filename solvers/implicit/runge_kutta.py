"""A step of an implicit Runge–Kutta method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax

from solvers.fields import Fields
from solvers.implicit.newton import Effort
from solvers.implicit.semidiscrete import Part
from solvers.implicit.solving import Solving
from solvers.implicit.tableaux import ImplicitTableau
from solvers.linear.vectors import Vectors, minus


@dataclass(frozen=True)
class ImplicitRungeKutta:
    """u(t) → u(t + Δt) by a tableau, diagonally implicit: one system a stage, each of the size of u."""

    tableau: ImplicitTableau

    @property
    def registers(self) -> Mapping[str, str]:
        return {}

    @property
    def order(self) -> int:
        return self.tableau.order

    @property
    def part(self) -> Part:
        """What of the equation the systems are of."""
        return "stiff" if self.tableau.explicit else "tendency"

    def __call__(
        self, solving: Solving, u: Fields, registers: Fields, number: jax.Array, time: jax.Array, dt: jax.Array
    ) -> tuple[Fields, Fields, Effort]:
        """Also new registers, and what it took.  `number` counts steps, from 0 where Δt changes."""
        problem, rows, effort = solving.problem, self.tableau.implicit, Effort.none()
        states: list[Fields] = []
        stiff: list[Fields] = []
        rest: list[Fields] = []
        for i, (row, within) in enumerate(zip(rows, self.tableau.times, strict=True)):
            when = time + problem.rounded(within * dt)
            known = _sum(problem.vectors, u, dt, row[:i], stiff)
            if self.tableau.explicit:
                known = _sum(problem.vectors, known, dt, self.tableau.explicit[i], rest)
            state = known
            if row[i] != 0.0:
                state, taken = solving(known, row[i] * dt, when, states[-1] if states else u)
                effort = effort.then(taken)
            states.append(state)
            if i + 1 == len(rows):
                break
            if any(later[i] != 0.0 for later in rows[i + 1 :]):
                stiff.append(problem.rate(state, when, self.part))
            else:
                stiff.append({})
            if self.tableau.explicit:
                of_all = problem.rate(state, when)
                rest.append(minus(of_all, problem.rate(state, when, "stiff")))
        return states[-1], {}, effort


def _sum(vectors: Vectors, u: Fields, dt: jax.Array, weights: Sequence[float], rates: Sequence[Fields]) -> Fields:
    """u + Δt Σ weightᵢ rateᵢ."""
    for weight, rate in zip(weights, rates, strict=True):
        if weight != 0.0:
            u = vectors.plus(u, weight * dt, rate)
    return u
