"""[equation] kind = "conduction" and "anisotropic"."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sim.case.equation.base import StatedEquation, check_right_side, depends_on_more, differentiates, files
from sim.case.source import NonNegative, Source
from sim.case.table import Table


class ConductionTable(StatedEquation):
    """ρ c ∂u/∂t = ∇·(k∇u) + q."""

    kind: Literal["conduction"] = "conduction"
    conductivity: NonNegative = Field(description="k(x, y, z, t, u) ≥ 0")
    density: NonNegative = Field(1.0, description="ρ(x, y, z, t, u) > 0")
    capacity: NonNegative = Field(1.0, description="heat capacity c(x, y, z, t, u) > 0")
    source: Source = Field(0.0, description="q(x, y, z, t, u), power per volume")
    mean: Literal["arithmetic", "harmonic"] = Field("arithmetic", description="of k at the faces between cells")

    @property
    def parts(self) -> dict[str, Source]:
        heat = {"density": self.density, "capacity": self.capacity}
        return {"conductivity": self.conductivity, **heat, "source": self.source}

    @property
    def given(self) -> dict[str, Source]:
        return files(**self.parts)

    @property
    def wall_conductivity(self) -> Source:
        return 0.0 if differentiates(self.conductivity) else self.conductivity

    @property
    def why_no_wall_conductivity(self) -> str:
        return "equation.conductivity is 0, or has derivatives in it"

    def check(self, axes: tuple[str, ...]) -> None:
        for name, source in self.parts.items():
            check_right_side(f"equation.{name}", source, axes)


class Tensor(Table):
    xx: Source = 0.0
    yy: Source = 0.0
    zz: Source = 0.0
    xy: Source = 0.0
    xz: Source = 0.0
    yz: Source = 0.0


class AnisotropicTable(StatedEquation):
    """ρ c ∂u/∂t = ∇·(A∇u) + q, A symmetric."""

    kind: Literal["anisotropic"] = "anisotropic"
    tensor: Tensor = Field(
        description="A(x, y, z) by its entries, those left out are 0: length²/time, or conductivities"
    )
    density: NonNegative = Field(1.0, description="ρ(x, y, z, t, u) > 0")
    capacity: NonNegative = Field(1.0, description="heat capacity c(x, y, z, t, u) > 0")
    source: Source = Field(0.0, description="q(x, y, z, t, u), u/time, or power per volume")

    @property
    def turns(self) -> bool:
        return any(getattr(self.tensor, name) != 0.0 for name in ("xy", "xz", "yz"))

    @property
    def wall_conductivity(self) -> Source:
        """That along the wall's normal; along x, but none of them is 0."""
        return self.tensor.xx

    @property
    def plain(self) -> bool:
        """Whether ρ c is 1 and q of the place alone."""
        return self.density == self.capacity == 1.0 and not depends_on_more(self.source)

    def conserves(self, ring: bool) -> bool:
        return self.plain

    @property
    def parts(self) -> dict[str, Source]:
        """What is of one cell."""
        return {"density": self.density, "capacity": self.capacity, "source": self.source}

    @property
    def given(self) -> dict[str, Source]:
        return {f"tensor.{name}": entry for name, entry in self.tensor if entry != 0.0} | files(**self.parts)

    def check(self, axes: tuple[str, ...]) -> None:
        for name, source in self.parts.items():
            check_right_side(f"equation.{name}", source, axes)
            if differentiates(source):
                raise ValueError(f"equation.{name} of an anisotropic material is of one cell and has no derivatives")
        # A case that was written out names every entry: those of axes that it lacks with 0.
        for name, entry in self.tensor:
            if entry != 0.0 and not set(name) <= set(axes):
                raise ValueError(f"equation.tensor.{name} is along an axis that the grid doesn't have")
        for axis in axes:
            if getattr(self.tensor, axis * 2) == 0.0:
                raise ValueError(f"equation.tensor.{axis * 2} is 0; a tensor of diffusion has a positive diagonal")
        values = dict(self.tensor)
        for i, a in enumerate(sorted(axes)):
            for b in sorted(axes)[i + 1 :]:
                across, first, second = values[a + b], values[a * 2], values[b * 2]
                if all(isinstance(value, float) for value in (across, first, second)) and across**2 > first * second:
                    raise ValueError(f"equation.tensor.{a}{b}² exceeds {a}{a}·{b}{b}: heat would flow from cold to hot")
