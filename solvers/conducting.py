"""Walls of a material whose conductivity depends on the field itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import jax
import jax.numpy as jnp

from solvers.boundary import Boundary, Flow
from solvers.operators import Mean, mean_of
from solvers.terms import Term
from solvers.terms.shapes import full
from solvers.wall import Wall


@dataclass(frozen=True)
class Conducting(Boundary):
    """k(u) ∂u/∂n as the condition says, k of the wall's face being the mean of k(u) and k(g), as it is of other faces.

    So what flows in is what the condition says to rounding, not only to the scheme's order.  g = G(k(g)), with G the
    condition's ghost for a given k, is found by iteration, from the k(u) of the cell.  Each reduces the error by a
    factor of about |g - u| |k'| / 2k, which is of the order of h: small wherever the grid resolves how k changes.  A
    fixed number leaves every block with the same bits.
    """

    condition: Flow
    field: str
    k: Term
    mean: Mean

    _ITERATIONS: ClassVar[int] = 7

    @property
    def linear(self) -> bool:
        return False

    def ghost(self, wall: Wall) -> jax.Array:
        here = self._conductivity(wall, wall.mirror, outside=False)
        g = replace(self.condition, k=here).ghost(wall)
        for _ in range(self._ITERATIONS):
            k = mean_of(here, self._conductivity(wall, g, outside=True), self.mean, wall.rounded)
            g = replace(self.condition, k=k).better(g, wall)
        return g

    def _conductivity(self, wall: Wall, u: jax.Array, outside: bool) -> jax.Array:
        """k(u) of values in the order of the ghosts, in the ghosts or in the cells that they mirror."""
        if outside:
            patch = wall.patch({self.field: u}, outside)
            return full(self.k.value(patch), patch, 0)
        patch = wall.patch({self.field: jnp.flip(u, wall.axis)}, outside)
        return jnp.flip(full(self.k.value(patch), patch, 0), wall.axis)
