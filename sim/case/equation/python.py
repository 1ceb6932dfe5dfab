"""[equation] kind = "module:Name": an equation of one's own in Python."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import Discriminator, Field, Tag

from sim.case.equation.base import StatedEquation
from sim.case.source import Source
from sim.case.words import Text

_TYPES = (bool, int, float, str)


def _type(value: Any) -> str | None:
    return next((one.__name__ for one in _TYPES if isinstance(value, one)), None)


Parameter: TypeAlias = Annotated[
    Annotated[bool, Tag("bool")]
    | Annotated[int, Tag("int")]
    | Annotated[float, Tag("float")]
    | Annotated[str, Tag("str")],
    Discriminator(
        _type,
        custom_error_type="parameter",
        custom_error_message="is a number, a text, true or false; give several one by one, or by a file's name",
    ),
]


class PythonTable(StatedEquation):
    """An equation of a Python module in `folder`, or installed: Name(grid, **parameters) makes it."""

    kind: str = Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$", description="module:Name")
    evolves: list[str] = Field(["u"], min_length=1, description="names of its fields")
    folder: Text | None = Field(None, description="where the module lies, from the case file; by default beside it")
    parameters: dict[str, Parameter] = Field({}, description="what Name is called with, by name")
    coefficients: dict[str, Source] = Field({}, description="fields that don't change, by name")

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(self.evolves)

    @property
    def given(self) -> dict[str, Source]:
        return self.coefficients
