"""[equation] of fields that react and diffuse, all of whose coefficients are numbers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sim.case.equation.base import StatedEquation
from sim.case.table import Finite, NonNegativeNumber


class GrayScottTable(StatedEquation):
    """∂u/∂t = D_u∇²u - uv² + F(1 - u), ∂v/∂t = D_v∇²v + uv² - (F + k)v."""

    kind: Literal["gray-scott"] = "gray-scott"
    diffusivity_u: NonNegativeNumber = Field(description="D_u, length²/time")
    diffusivity_v: NonNegativeNumber = Field(description="D_v, length²/time")
    feed: NonNegativeNumber = Field(description="F, 1/time")
    kill: NonNegativeNumber = Field(description="k, 1/time")

    @property
    def fields(self) -> tuple[str, ...]:
        return ("u", "v")


class FitzHughNagumoTable(StatedEquation):
    """∂u/∂t = D_u∇²u + u - u³/3 - v + I, ∂v/∂t = D_v∇²v + ε(u + β - γv)."""

    kind: Literal["fitzhugh-nagumo"] = "fitzhugh-nagumo"
    diffusivity_u: NonNegativeNumber = Field(description="D_u, length²/time")
    diffusivity_v: NonNegativeNumber = Field(0.0, description="D_v, length²/time")
    current: Finite = Field(0.0, description="I")
    epsilon: Finite = Field(0.08, description="ε")
    beta: Finite = Field(0.7, description="β")
    gamma: Finite = Field(0.8, description="γ")

    @property
    def fields(self) -> tuple[str, ...]:
        return ("u", "v")


class AllenCahnTable(StatedEquation):
    """∂u/∂t = D∇²u + r(u - u³)."""

    kind: Literal["allen-cahn"] = "allen-cahn"
    diffusivity: NonNegativeNumber = Field(description="D, length²/time")
    rate: NonNegativeNumber = Field(1.0, description="r, 1/time")


class CahnHilliardTable(StatedEquation):
    """∂u/∂t = M∇²(u³ - u - κ∇²u)."""

    kind: Literal["cahn-hilliard"] = "cahn-hilliard"
    mobility: NonNegativeNumber = Field(1.0, description="M, length²/time")
    gradient: NonNegativeNumber = Field(description="κ, length²")

    def conserves(self, ring: bool) -> bool:
        return True


class PorousMediumTable(StatedEquation):
    """∂u/∂t = α∇²(u^m)."""

    kind: Literal["porous-medium"] = "porous-medium"
    alpha: NonNegativeNumber = Field(1.0, description="α")
    m: float = Field(2.0, ge=1, le=64, description="exponent m")

    def conserves(self, ring: bool) -> bool:
        return True
