"""[equation] kind = "advection-diffusion" and "burgers"."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from sim.case.equation.base import StatedEquation
from sim.case.source import Source
from sim.case.table import Finite, NonNegativeNumber, Table

FluxScheme: TypeAlias = Literal["upwind", "central", "limited"]
_SCHEME = "of transport: upwind (first order), central, limited (second order, no new extrema)"


class Velocity(Table):
    x: Source = 0.0
    y: Source = 0.0
    z: Source = 0.0


class AdvectionDiffusionTable(StatedEquation):
    """∂u/∂t + ∇·(a u) = α∇²u."""

    kind: Literal["advection-diffusion"] = "advection-diffusion"
    velocity: Velocity = Field(description="a, a formula of the place or a number along each axis, length/time")
    alpha: NonNegativeNumber = Field(0.0, description="diffusivity α ≥ 0, length²/time")
    scheme: FluxScheme = Field("limited", description=_SCHEME)

    def conserves(self, ring: bool) -> bool:
        return ring

    @property
    def given(self) -> dict[str, Source]:
        return {f"velocity.{axis}": speed for axis, speed in self.velocity if speed != 0.0}

    @property
    def wall_conductivity(self) -> Source:
        return self.alpha

    @property
    def why_no_wall_conductivity(self) -> str:
        return "equation.alpha is 0"

    def check(self, axes: tuple[str, ...]) -> None:
        # A case that was written out names every axis: those that it lacks with 0.
        for axis, speed in self.velocity:
            if speed != 0.0 and axis not in axes:
                raise ValueError(f"equation.velocity.{axis} is along an axis that the grid doesn't have")


class BurgersTable(StatedEquation):
    """∂u/∂t + Σ ∂(u²/2)/∂x = ν∇²u."""

    kind: Literal["burgers"] = "burgers"
    viscosity: Finite = Field(ge=0, description="ν ≥ 0, length²/time")
    scheme: FluxScheme = Field("limited", description=_SCHEME)

    def conserves(self, ring: bool) -> bool:
        return ring
