"""Velocity Verlet, for equations of second order in time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp

from solvers.block import core
from solvers.equations.equation import Equation
from solvers.fields import Fields
from solvers.patch import Patch


@dataclass(frozen=True)
class Verlet:
    """v½ = v + Δt/2 a(u, v),  u' = u + Δt v½,  v' = v½ + Δt/2 a(u', v*),  v* = v½ + Δt/2 a(u', v½).

    Second order, and without damping symplectic: energy does not drift.  `velocities` names the v of each u, where
    ∂u/∂t = v and ∂v/∂t = a.  Stable for Δt · wave ≤ 2, a step of which costs two tendencies: Störmer's method in the
    form of Swope et al. 1982 (doi:10.1063/1.442716); a friction in a is taken at v*, so that it keeps the order.
    """

    equation: Equation
    velocities: Mapping[str, str]

    times = (0.0, 1.0)
    registers = ()
    looks_back = False

    @property
    def width(self) -> int:
        return self.equation.width

    def stable_step(self, decay: float, wave: float) -> float:
        """2 / wave; a friction that acts faster than that is stepped like one that decays."""
        return min(2.0 / wave if wave > 0 else math.inf, 1.0 / decay if decay > 0 else math.inf)

    def begin(self, patch: Patch, dt: jax.Array) -> Fields:
        return {}

    def __call__(self, patch: Patch, stage: int | jax.Array, dt: jax.Array) -> Fields:
        half = 0.5 * dt.astype(patch.dtype)
        first = self._kicked(patch, patch, half)
        begins = stage == 0
        found: Fields = {}
        for place, velocity in self.velocities.items():
            u = core(patch.fields[place], self.width)
            moved = u + patch.rounded(dt.astype(u.dtype) * core(first[velocity], self.width))
            found[place] = jnp.where(begins, moved, u)
        # Of the second kick's friction, at the velocity that the kick leads to.
        predicted = replace(patch, fields={**patch.fields, **first})
        second = self._kicked(patch, predicted, half)
        for velocity in self.velocities.values():
            found[velocity] = core(jnp.where(begins, first[velocity], second[velocity]), self.width)
        return found

    def _kicked(self, patch: Patch, seen: Patch, half: jax.Array) -> Fields:
        """v + Δt/2 a, a as `seen`; of the patch's shape, right where there are neighbours."""
        rates = self.equation.tendency(seen)
        inside = (slice(self.width, -self.width),) * len(patch.shape)
        return {v: patch.fields[v].at[inside].add(patch.rounded(half * rates[v])) for v in self.velocities.values()}
