"""[equation] kind = "wave"."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sim.case.equation.base import StatedEquation
from sim.case.source import NonNegative, Source


class WaveTable(StatedEquation):
    """∂²u/∂t² + γ ∂u/∂t = c²∇²u; its fields are u and v = ∂u/∂t."""

    kind: Literal["wave"] = "wave"
    speed: NonNegative = Field(description="c(x, y, z) ≥ 0, length/time")
    damping: NonNegative = Field(0.0, description="γ(x, y, z) ≥ 0, 1/time")

    @property
    def fields(self) -> tuple[str, ...]:
        return ("u", "v")

    @property
    def given(self) -> dict[str, Source]:
        return {"speed": self.speed, "damping": self.damping}
