"""[equation]: what is solved."""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

from pydantic import Field

from sim.case.source import NonNegative, Source
from sim.case.table import Table


class HeatTable(Table):
    """∂u/∂t = ∇·(α∇u) + q."""

    kind: Literal["heat"] = "heat"
    alpha: NonNegative = Field(description="diffusivity α(x, y, z) ≥ 0, length²/time")
    mean: Literal["arithmetic", "harmonic"] = Field(
        "arithmetic", description="of α at the faces between cells, where it varies; harmonic where it jumps"
    )
    source: Source = Field(0.0, description="q(x, y, z), u/time")

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields that evolve."""
        return ("u",)

    @property
    def coefficients(self) -> dict[str, Source]:
        """What the equation reads beside its fields, by name."""
        return {"alpha": self.alpha} if self.source == 0.0 else {"alpha": self.alpha, "source": self.source}

    @property
    def conductivity(self) -> Source:
        """k of the flux k ∂u/∂n through walls."""
        return self.alpha

    # Coefficients that are placed as blocks even where they are one number.
    always_blocks: ClassVar[frozenset[str]] = frozenset({"source"})
    # The least values of those that have some.
    least: ClassVar[dict[str, float]] = {"alpha": 0.0}


EquationTable: TypeAlias = HeatTable
"""What can be solved; `fields` and `coefficients` say what it evolves and what it reads."""
