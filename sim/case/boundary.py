"""[boundary]: what holds at each side of each axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, model_validator

from sim.case.source import Value
from sim.case.table import Table


class Periodic(Table):
    kind: Literal["periodic"] = "periodic"


class Dirichlet(Table):
    kind: Literal["dirichlet"] = "dirichlet"
    value: Value = Field(0.0, description="u at the wall")


class Neumann(Table):
    kind: Literal["neumann"] = "neumann"
    flux: Value = Field(0.0, description="k ∂u/∂n, what flows in through the wall per area and time")


class Robin(Table):
    kind: Literal["robin"] = "robin"
    h: Value = Field(description="transfer coefficient h ≥ 0 of k ∂u/∂n = h (ambient - u)")
    ambient: Value = Field(0.0, description="u far from the wall")


class Radiation(Table):
    kind: Literal["radiation"] = "radiation"
    emissivity: float = Field(1.0, ge=0, le=1, description="ε of k ∂u/∂n = ε σ (ambient⁴ - u⁴), u absolute")
    sigma: float = Field(5.670374419e-8, gt=0, allow_inf_nan=False, description="σ, by default in W/(m² K⁴)")
    ambient: Value = Field(0.0, description="absolute temperature of the surroundings")


class Outflow(Table):
    kind: Literal["outflow"] = "outflow"


Flows: TypeAlias = Neumann | Robin | Radiation
"""Those that say what flows through the wall."""

SIDES: Mapping[str, type[Table]] = {
    str(side.model_fields["kind"].default): side for side in (Periodic, Dirichlet, Neumann, Robin, Radiation, Outflow)
}
"""By kind."""

Side: TypeAlias = Annotated[Periodic | Dirichlet | Neumann | Robin | Radiation | Outflow, Field(discriminator="kind")]


class AxisSides(Table):
    lower: Side
    upper: Side

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, value: Any) -> Any:
        """`"periodic"` or one table stands for both sides; a name alone stands for its defaults."""
        if isinstance(value, str) or (isinstance(value, dict) and "kind" in value):
            value = {"lower": value, "upper": value}
        if isinstance(value, dict):
            return {key: {"kind": side} if isinstance(side, str) else side for key, side in value.items()}
        return value

    @model_validator(mode="after")
    def _both_periodic(self) -> AxisSides:
        if isinstance(self.lower, Periodic) != isinstance(self.upper, Periodic):
            raise ValueError("an axis is periodic on both sides or on none")
        return self


class FieldSides(Table):
    """What one field does otherwise."""

    x: AxisSides | None = None
    y: AxisSides | None = None
    z: AxisSides | None = None


class BoundaryTable(Table):
    x: AxisSides
    y: AxisSides | None = None
    z: AxisSides | None = None
    fields: dict[str, FieldSides] = Field({}, description="by name of a field, what holds for it instead")

    @property
    def axes(self) -> tuple[AxisSides, ...]:
        """What holds for all fields, in array order, x last."""
        return tuple(sides for sides in (self.z, self.y, self.x) if sides is not None)

    def of(self, field: str) -> tuple[AxisSides, ...]:
        """What holds for one field, in array order, x last."""
        own = self.fields.get(field, FieldSides())
        pairs = ((own.z, self.z), (own.y, self.y), (own.x, self.x))
        return tuple(mine or common for mine, common in pairs if common is not None)

    def origin(self, field: str, axis: str) -> str:
        """The key that says what holds for a field along an axis."""
        own = getattr(self.fields.get(field), axis, None)
        return f"boundary.{axis}" if own is None else f"boundary.fields.{field}.{axis}"

    @model_validator(mode="after")
    def _same_rings(self) -> BoundaryTable:
        for field in self.fields:
            for name, mine, common in zip("zyx"[-len(self.axes) :], self.of(field), self.axes, strict=True):
                if isinstance(mine.lower, Periodic) != isinstance(common.lower, Periodic):
                    raise ValueError(f"axis {name} is periodic for all fields or for none; see fields.{field}.{name}")
        return self
