"""Newton's method with Krylov's for its linear systems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from solvers.fields import Fields
from solvers.linear.bicgstab import bicgstab
from solvers.linear.conjugate_gradients import conjugate_gradients
from solvers.linear.vectors import Operator, Vectors

Krylov: TypeAlias = Literal["cg", "bicgstab"]

_METHODS = {"cg": conjugate_gradients, "bicgstab": bicgstab}
# Beyond a tenth a linear solution is no help, below a hundredth it is better than the linearisation.
_LOOSEST, _TIGHTEST = 0.1, 0.01


class Effort(NamedTuple):
    """What solving took, scalars: steps of Newton's method, of Krylov's in all; the last residual, in terms of the
    solution's size; whether that is not what was wanted; and whether that is because there is no solution."""

    newton: jax.Array
    krylov: jax.Array
    residual: jax.Array
    failed: jax.Array
    unbalanced: jax.Array

    @classmethod
    def none(cls) -> Effort:
        return cls(jnp.int32(0), jnp.int32(0), jnp.float64(0.0), jnp.bool_(False), jnp.bool_(False))

    def then(self, later: Effort) -> Effort:
        return Effort(
            self.newton + later.newton,
            self.krylov + later.krylov,
            later.residual,
            self.failed | later.failed,
            self.unbalanced | later.unbalanced,
        )


class Guess(NamedTuple):
    """Fields that an iteration starts from, what of g is left there, and ‖g‖."""

    fields: Fields
    residual: Fields
    size: jax.Array


class LinearSystem(NamedTuple):
    """A residual's derivative about some fields, and about its inverse."""

    apply: Operator
    precondition: Operator


@dataclass(frozen=True)
class Newton:
    """g(w) = 0 by w ← w + δ, g'(w) δ = -g(w), the latter as accurately as it pays.

    Until ‖g‖ ≤ tolerance · scale, with `scale` the size of w (of the first g where that is zero), or to what
    rounding leaves: `noise` · scale.  `linear`
    says that g' is the same everywhere; then one step does, and g' is prepared but once.  Eisenstat & Walker,
    Choosing the forcing terms in an inexact Newton method (doi:10.1137/0917003).
    """

    krylov: Krylov
    linear: bool
    tolerance: float
    most_newton: int
    most_krylov: int

    def solve(
        self,
        residual: Callable[[Fields], Fields],
        about: Callable[[Fields], LinearSystem],
        start: Guess,
        scale: jax.Array,
        noise: jax.Array,
        vectors: Vectors,
    ) -> tuple[Fields, Effort]:
        scale = jnp.where(scale > 0.0, scale, start.size)
        goal = jnp.maximum(self.tolerance, noise) * scale
        prepared = about(start.fields) if self.linear else None

        def wanted(state: tuple[Fields, Fields, jax.Array, Effort]) -> jax.Array:
            _, _, size, effort = state
            return (size > goal) & (effort.newton < self.most_newton) & ~effort.failed

        def step(state: tuple[Fields, Fields, jax.Array, Effort]) -> tuple[Fields, Fields, jax.Array, Effort]:
            w, g, size, effort = state
            linearised = prepared or about(w)
            enough = jnp.clip(0.5 * goal / size, 0.0 if self.linear else _TIGHTEST, _LOOSEST)
            minus_g = {name: -v for name, v in g.items()}
            found = _METHODS[self.krylov](
                linearised.apply, minus_g, linearised.precondition, vectors, enough, self.most_krylov
            )
            w = {name: v + found.x[name] for name, v in w.items()}
            g = residual(w)
            size = vectors.norm(g)
            worse = found.broken | ~jnp.isfinite(size) | (found.residual > _LOOSEST)
            effort = effort._replace(
                newton=effort.newton + 1, krylov=effort.krylov + found.iterations, failed=worse & ~(size <= goal)
            )
            return w, g, size, effort

        w, _, size, effort = lax.while_loop(wanted, step, (*start, Effort.none()))
        relative = jnp.where(scale > 0.0, size / jnp.where(scale > 0.0, scale, 1.0), size)
        return w, effort._replace(residual=relative, failed=~(size <= goal))
