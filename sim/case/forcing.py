"""[[sources]] and [[regions]]: what acts on the fields beside the equation."""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias, get_args

from pydantic import Field, model_validator

from sim.case.region import Placed
from sim.case.source import Value
from sim.case.table import Positive, Table

Operation: TypeAlias = Literal["set", "add", "multiply", "divide", "power", "min", "max", "apply"]


class MovingPoint(Table):
    """A place, which may depend on t."""

    x: Value
    y: Value | None = None
    z: Value | None = None


class SourceTable(Table):
    """∂u/∂t gains strength · δ(x - at(t))."""

    field: str = Field("u", description="the field that it feeds")
    at: MovingPoint = Field(description="where it is: numbers, or formulas in t")
    strength: Value = Field(description="what it adds to the field's integral per time: a number, or a formula in t")


class RegionTable(Placed):
    """u ← u ∘ value in a part of space, after every step or at given times: exactly one operation."""

    OPERATIONS: ClassVar[tuple[Operation, ...]] = get_args(Operation)

    set: Value | None = Field(None, description="u ← value; values are numbers, or formulas in x, y, z, t and fields")
    add: Value | None = None
    multiply: Value | None = None
    divide: Value | None = None
    power: Value | None = None
    min: Value | None = Field(None, description="u ← min(u, value)")
    max: Value | None = Field(None, description="u ← max(u, value)")
    apply: str | None = Field(None, description="u ← a formula of u")
    times: list[Positive] = Field([], description="when; by default after every step")

    @property
    def operation(self) -> Operation:
        return next(name for name in self.OPERATIONS if getattr(self, name) is not None)

    @model_validator(mode="after")
    def _one_operation(self) -> RegionTable:
        given = [name for name in self.OPERATIONS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(self.OPERATIONS)}; got {' and '.join(given) or 'none'}")
        return self
