"""The state that does not change any more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp

from solvers.boundary import Dirichlet
from solvers.fields import Fields
from solvers.implicit.newton import Effort, Guess, LinearSystem
from solvers.implicit.preconditioner import Stack, multigrids
from solvers.implicit.semidiscrete import Part, Semidiscrete
from solvers.implicit.solving import Solving

# In units of what rounding may leave; see `_balance`.
_ROUNDINGS = 100.0


@dataclass(frozen=True)
class SteadyState:
    """F(u, t) = 0 by full multigrid, then Newton's and Krylov's methods with V-cycles, as one "step" to t + Δt.

    Until ‖F(u)‖ ≤ tolerance · ‖F(u₀)‖, u₀ being where it starts.  Where u plus any constant is as steady as u is (no
    walls but Neumann and periodic ones, nothing that holds u), the mean of u₀ is kept; then what flows in through
    walls and from sources must sum up to nothing, or there is no steady state: then the effort is `unbalanced`.
    """

    part: ClassVar[Part] = "tendency"

    @property
    def registers(self) -> Mapping[str, str]:
        return {}

    def __call__(
        self, solving: Solving, u: Fields, registers: Fields, number: jax.Array, time: jax.Array, dt: jax.Array
    ) -> tuple[Fields, Fields, Effort]:
        problem, when = solving.problem, time + dt
        vectors = problem.vectors
        before = problem.rate(u, when)
        free = _free_constants(problem, u, when, solving.decay)

        def settled(v: Fields) -> Fields:
            return _without_mean(problem, v, free)

        def residual(w: Fields) -> Fields:
            return settled({name: -v for name, v in problem.rate(w, when).items()})

        def guess(w: Fields) -> Guess:
            left = residual(w)
            return Guess(w, left, vectors.norm(left))

        def about(w: Fields) -> LinearSystem:
            derivative = problem.derivative(w, when)
            grids = _grids(problem, w, when, solving.unit)

            def apply(v: Fields) -> Fields:
                return settled({name: -x for name, x in derivative(v).items()})

            return LinearSystem(apply, lambda r: settled(_v_cycles(grids, r)))

        scale = vectors.norm(before)
        grids = _grids(problem, u, when, solving.unit)
        held = settled(before)
        here = Guess(u, {name: -v for name, v in held.items()}, vectors.norm(held) if free else scale)
        found = settled(_full(grids, problem, held))
        there = guess({name: v + found[name] for name, v in u.items()})
        better = there.size < here.size
        start: Guess = jax.tree.map(lambda a, b: jnp.where(better, a, b), there, here)
        epsilon = jnp.finfo(next(iter(u.values())).dtype).eps
        rounding = epsilon * solving.decay * vectors.norm(start.fields)
        noise = jnp.where(scale > 0.0, rounding / jnp.where(scale > 0.0, scale, 1.0), 0.0)
        w, effort = solving.newton.solve(residual, about, start, scale, noise, vectors)
        if not free:
            return w, {}, effort
        flawed = _imbalance(problem, before, free) > _ROUNDINGS * (rounding + epsilon * scale)
        return w, {}, effort._replace(failed=effort.failed | flawed, unbalanced=flawed)


def _free_constants(problem: Semidiscrete, u: Fields, time: jax.Array, decay: jax.Array) -> dict[str, jax.Array]:
    """Whether adding a constant to it changes no rate, of each field that no wall holds."""
    derivative, vectors = problem.derivative(u, time), problem.vectors
    ones = vectors.owned({name: jnp.ones_like(v) for name, v in u.items()})
    free = {}
    for name, v in u.items():
        if any(isinstance(boundary, Dirichlet) for side in problem.walls[name].sides for boundary in side):
            continue
        alone = {other: ones[other] if other == name else jnp.zeros_like(v) for other in u}
        epsilon = jnp.finfo(v.dtype).eps
        free[name] = vectors.norm(derivative(alone)) <= _ROUNDINGS * epsilon * decay * vectors.norm(alone)
    return free


def _without_mean(problem: Semidiscrete, v: Fields, free: dict[str, jax.Array]) -> Fields:
    if not free:
        return v
    means = {name: jnp.where(free[name], mean, 0.0) for name, mean in _means(problem, v, free).items()}
    moved = {name: v[name] - mean.astype(v[name].dtype) for name, mean in means.items()}
    return {**v, **problem.vectors.owned(moved)}


def _means(problem: Semidiscrete, v: Fields, names: Iterable[str]) -> dict[str, jax.Array]:
    """Of some of the fields."""
    sums = problem.vectors.dots(*(({name: v[name]}, {name: jnp.ones_like(v[name])}) for name in names))
    return {name: total / problem.grid.cells for name, total in zip(names, sums, strict=True)}


def _imbalance(problem: Semidiscrete, rate: Fields, free: dict[str, jax.Array]) -> jax.Array:
    """‖the mean of F‖ of those fields whose mean nothing but F decides."""
    means = _means(problem, rate, free)
    sizes = [jnp.where(free[name], jnp.abs(mean), 0.0) for name, mean in means.items()]
    return jnp.max(jnp.stack(sizes)) * problem.grid.cells**0.5


def _grids(problem: Semidiscrete, u: Fields, time: jax.Array, unit: int) -> dict[str, Stack]:
    """Those of fields that diffuse themselves: a place is no use for its velocity's rate."""
    grids = multigrids(problem, u, time, jnp.float64(0.0), unit)
    return {name: grid for name, grid in grids.items() if name not in problem.equation.velocities}


def _v_cycles(grids: dict[str, Stack], r: Fields) -> Fields:
    return {name: grids[name].precondition(v) if name in grids else v for name, v in r.items()}


def _full(grids: dict[str, Stack], problem: Semidiscrete, r: Fields) -> Fields:
    found = {name: grids[name].full(v) if name in grids else jnp.zeros_like(v) for name, v in r.items()}
    return problem.vectors.owned(found)
