"""Walls of a material whose conductivity depends on the field itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax import lax

from solvers.boundary import Boundary, Flow
from solvers.derivative import derivative
from solvers.operators import Mean, mean_of
from solvers.powers import near_power, rough_power
from solvers.rounding import Rounding
from solvers.terms import Term
from solvers.terms.shapes import full
from solvers.wall import Wall

# Powers of ratios no further than this from 1 are taken as those of numbers near 1: right to 0.02 of them.
_NEAR = 0.25


@dataclass(frozen=True)
class Conducting(Boundary):
    """k(u) ∂u/∂n as the condition says, k of the wall's face being the mean of k(u) and k(g), as it is of other faces.

    So what flows in is what the condition says to rounding, not only to the scheme's order.  The ghost g = u + s is
    found from s = S(s), the rise for the k that s makes, by Newton's method in the logarithms of both: a power law,
    which k is of a front that enters something cold, is a straight line there, however far away one begins.  Powers
    are rough ones but of numbers near 1, the same on all machines; a fixed number of steps leaves every block with the
    same bits.
    """

    condition: Flow
    field: str
    k: Term
    mean: Mean

    _ITERATIONS: ClassVar[int] = 5

    @property
    def linear(self) -> bool:
        return False

    def ghost(self, wall: Wall) -> jax.Array:
        u, here = wall.mirror, self._conductivity(wall, wall.mirror, outside=False)
        condition = self.condition.valued(wall)

        def allowed(s: jax.Array) -> jax.Array:
            k = mean_of(here, self._conductivity(wall, u + s, outside=True), self.mean, wall.rounded)
            return replace(condition, k=k).rise(wall)

        def nearer(_: object, s: jax.Array) -> jax.Array:
            # What s was matters not to what it becomes, nor to that one's derivative, once s is right.
            return _nearer(allowed, lax.stop_gradient(s), wall.rounded)

        # Where nothing conducts a flux asks for more than any number.
        most = jnp.asarray(2.0 ** (jnp.finfo(u.dtype).maxexp // 8), u.dtype)
        s = jnp.clip(replace(condition, k=here).rise(wall), -most, most)
        if jax.default_backend() == "cpu":
            # The turns of a loop are compiled once, where GPUs want all of a ghost in one kernel.
            return u + lax.fori_loop(0, self._ITERATIONS, nearer, s)
        for number in range(self._ITERATIONS):
            s = nearer(number, s)
        return u + s

    def _conductivity(self, wall: Wall, u: jax.Array, outside: bool) -> jax.Array:
        """k(u) of values in the order of the ghosts, in the ghosts or in the cells that they mirror."""
        if outside:
            patch = wall.patch({self.field: u}, outside)
            return full(self.k.value(patch), patch, 0)
        patch = wall.patch({self.field: jnp.flip(u, wall.axis)}, outside)
        return jnp.flip(full(self.k.value(patch), patch, 0), wall.axis)


def _nearer(allowed: Callable[[jax.Array], jax.Array], s: jax.Array, rounded: Rounding) -> jax.Array:
    """s (S/s)^(1/(1 + m)), m = -d log S / d log s; halfway back from where k is none."""
    found = allowed(s)
    ratio = rounded.ratio(found, s)
    slope: jax.Array = derivative(allowed, s, jnp.ones_like(s), rounded)
    steepness = lax.stop_gradient(jnp.maximum(rounded.ratio(-slope, ratio), -0.5))
    exponent = 1.0 / (1.0 + steepness)
    near = jnp.abs(ratio - 1.0) < _NEAR
    power = jnp.where(near, near_power(ratio, exponent, rounded), rough_power(ratio, exponent))
    known = jnp.where(jnp.abs(found) < jnp.inf, found, 0.5 * s)
    return jnp.where((ratio > 0.0) & (ratio < jnp.inf), rounded(s * power), known)
