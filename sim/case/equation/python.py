"""[equation] kind = "module:Name": an equation of one's own in Python."""

from __future__ import annotations

from pydantic import Field

from sim.case.equation.base import Equation
from sim.case.source import Source
from sim.case.words import Text


class PythonTable(Equation):
    """An equation of a Python module in `folder`, or installed: Name(grid, **parameters) makes it."""

    kind: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$", description="module:Name")
    evolves: list[str] = Field(["u"], min_length=1, description="names of its fields")
    folder: Text | None = Field(None, description="where the module lies, from the case file; by default beside it")
    parameters: dict[str, float | int | str | bool] = Field({}, description="what Name is called with, by name")
    coefficients: dict[str, Source] = Field({}, description="fields that don't change, by name")

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(self.evolves)

    @property
    def given(self) -> dict[str, Source]:
        return self.coefficients
