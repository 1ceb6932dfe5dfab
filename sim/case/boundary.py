"""[boundary]: what holds at each side of each axis."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, model_validator

from sim.case.table import Finite, Table


class Periodic(Table):
    kind: Literal["periodic"] = "periodic"


class Dirichlet(Table):
    kind: Literal["dirichlet"] = "dirichlet"
    value: Finite = Field(0.0, description="u at the wall")


class Neumann(Table):
    kind: Literal["neumann"] = "neumann"
    flux: Finite = Field(0.0, description="α ∂u/∂n, what flows in through the wall per area and time")


Side: TypeAlias = Annotated[Periodic | Dirichlet | Neumann, Field(discriminator="kind")]


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


class BoundaryTable(Table):
    x: AxisSides
    y: AxisSides | None = None
    z: AxisSides | None = None

    @property
    def axes(self) -> tuple[AxisSides, ...]:
        """In array order, x last."""
        return tuple(sides for sides in (self.z, self.y, self.x) if sides is not None)
