"""Walls of a material where heat has directions."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import jax
import jax.numpy as jnp

from solvers.boundary import Boundary, Flow
from solvers.exchange import UPPER
from solvers.wall import Wall


@dataclass(frozen=True)
class Slanted(Boundary):
    """n·A∇u as the condition says, where that depends on the value at the wall, and A turns heat along it.

    Ghosts are such that A_nn (g - u) / d, d = (2j + 1) h, is the flux through the wall, as `equations.Anisotropic` has
    it.  But ∂u/∂n is the flux over A_nn less τ = Σ A_ns ∂u/∂s / A_nn, s being the axes along the wall and n pointing
    outwards, so that the value there is not w = (g + u) / 2 but w - dτ/2.  That is what the condition makes of a cell
    of the value u - dτ/2, and g is dτ/2 above the ghost that it gives to such a cell.  The whole is of second order:
    for τ the first will do, and next to walls of other axes, whose ghosts may be filled later, slopes are one-sided.

    normal: the coefficient A_nn; turning: by the axis s, the coefficient of both, without a sign.
    """

    condition: Flow
    normal: str
    turning: Mapping[int, str]

    slants: ClassVar[bool] = True

    @property
    def linear(self) -> bool:
        return self.condition.linear

    def ghost(self, wall: Wall) -> jax.Array:
        half = jnp.asarray(0.5 * wall.distance)
        shift = wall.rounded(half * self._tilt(wall))
        seen = replace(wall, near=wall.mirror - shift)
        return self.condition.ghost(seen) + shift

    def _tilt(self, wall: Wall) -> jax.Array:
        """τ in the cells next to the wall, dtype[…, 1, …]."""
        outwards = 1.0 if wall.side == UPPER else -1.0
        parts = [wall.rounded(wall.coefficient(name) * wall.slope(axis)) for axis, name in self.turning.items()]
        return wall.rounded.ratio(outwards * functools.reduce(operator.add, parts), wall.coefficient(self.normal))
