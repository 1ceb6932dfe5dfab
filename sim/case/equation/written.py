"""[equation] as formulas."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from sim.case.equation.base import StatedEquation
from sim.case.source import Source
from sim.case.table import Finite
from sim.expression import RightSide


class WrittenTable(StatedEquation):
    """∂u/∂t = a formula, for each field: any other key is the name of one.

    They know the fields, x, y, z, t, the parameters and coefficients, laplace(e), d_dx(e), d2_dx2(e), …,
    grad_squared(e) and div(k * grad(e)).
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    __pydantic_extra__: dict[str, str] = Field(init=False)

    kind: Literal["written"] = Field("written", description="may be left out")
    mean: Literal["arithmetic", "harmonic"] = Field("arithmetic", description="of k at the faces, in div(k * grad(u))")
    parameters: dict[str, Finite] = Field({}, description="numbers, by name")
    coefficients: dict[str, Source] = Field({}, description="fields that don't change, by name")

    @property
    def formulas(self) -> dict[str, str]:
        return self.__pydantic_extra__ or {}

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(self.formulas)

    @property
    def given(self) -> dict[str, Source]:
        return self.coefficients

    @property
    def wall_conductivity(self) -> Source:
        return {**self.parameters, **self.coefficients}.get("alpha", 0.0)

    @property
    def why_no_wall_conductivity(self) -> str:
        return (
            "of formulas it is the parameter or coefficient alpha, which is 0 or not there; write alpha * laplace(u), "
            'or take kind = "heat" or "conduction", or walls that are dirichlet, outflow, or neumann without flux'
        )

    def right_side(self, name: str, axes: tuple[str, ...]) -> RightSide:
        return RightSide(self.formulas[name], self.fields, (*self.parameters, *self.coefficients), axes)

    def check(self, axes: tuple[str, ...]) -> None:
        for name in self.fields:
            try:
                self.right_side(name, axes)
            except ValueError as error:
                raise ValueError(f"equation.{name}: {error}") from None

    @model_validator(mode="after")
    def _some_field(self) -> WrittenTable:
        if not self.fields:
            raise ValueError('an equation needs a field, such as u = "laplace(u)"')
        return self
