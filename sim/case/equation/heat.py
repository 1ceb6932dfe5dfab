"""[equation] kind = "heat"."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sim.case.equation.base import StatedEquation, check_right_side, depends_on_more, differentiates, files
from sim.case.source import NonNegative, Source


class HeatTable(StatedEquation):
    """∂u/∂t = ∇·(α∇u) + q."""

    kind: Literal["heat"] = "heat"
    alpha: NonNegative = Field(description="diffusivity α(x, y, z, t, u) ≥ 0, length²/time")
    mean: Literal["arithmetic", "harmonic"] = Field(
        "arithmetic", description="of α at the faces between cells, where it varies; harmonic where it jumps"
    )
    source: Source = Field(0.0, description="q(x, y, z, t, u), u/time")

    @property
    def wall_conductivity(self) -> Source:
        return 0.0 if differentiates(self.alpha) else self.alpha

    @property
    def why_no_wall_conductivity(self) -> str:
        return "equation.alpha is 0, or has derivatives in it"

    @property
    def given(self) -> dict[str, Source]:
        return files(alpha=self.alpha, source=self.source)

    def conserves(self, ring: bool) -> bool:
        return not depends_on_more(self.source)

    def check(self, axes: tuple[str, ...]) -> None:
        check_right_side("equation.alpha", self.alpha, axes)
        check_right_side("equation.source", self.source, axes)
