"""The backward differentiation formula of second order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax import lax

from solvers.fields import Fields
from solvers.implicit.newton import Effort
from solvers.implicit.semidiscrete import Part
from solvers.implicit.solving import Solving

_BEFORE = "{}__before"


@dataclass(frozen=True)
class Bdf2:
    """u(t + Δt) = (4 u(t) - u(t - Δt)) / 3 + 2/3 Δt F(u(t + Δt)), the first step by the
    trapezoidal rule.

    One system a step; stiff modes decay at once.  Curtiss & Hirschfelder, doi:10.1073/pnas.38.3.235.
    """

    fields: tuple[str, ...]

    part: ClassVar[Part] = "tendency"

    @property
    def registers(self) -> Mapping[str, str]:
        return {_BEFORE.format(name): name for name in self.fields}

    def __call__(
        self, solving: Solving, u: Fields, registers: Fields, number: jax.Array, time: jax.Array, dt: jax.Array
    ) -> tuple[Fields, Fields, Effort]:
        """Also new registers, and what it took.  `number` counts steps, from 0 where Δt changes."""
        first, vectors = number == 0, solving.problem.vectors

        def half_a_step() -> Fields:
            return vectors.plus(u, 0.5 * dt, solving.problem.rate(u, time))

        def from_two() -> Fields:
            change = {name: v - registers[_BEFORE.format(name)] for name, v in u.items()}
            return vectors.plus(u, jnp.float64(1.0 / 3.0), change)

        known = lax.cond(first, half_a_step, from_two)
        s = jnp.where(first, 0.5, 2.0 / 3.0) * dt
        new, effort = solving(known, s, time + dt, u)
        return new, {_BEFORE.format(name): v for name, v in u.items()}, effort
