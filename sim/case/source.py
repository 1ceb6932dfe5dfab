"""Where the values of a field come from: a number, a formula, or a file."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from pydantic import AfterValidator, Discriminator, Field, Tag

from sim.case.table import Finite, Table
from sim.case.words import Text
from sim.expression import Formula


class FileSource(Table):
    """A field read from a file of the grid's shape."""

    file: Text = Field(min_length=1, description=".npy, .npz or HDF5, relative to the case file")
    dataset: Text | None = Field(None, description="array of an .npz, or dataset of an HDF5 file")
    package: Text | None = Field(None, description="installed Python package in whose folder the file lies")
    flip: list[Literal["x", "y", "z"]] = Field([], description="axes that the file stores from the upper edge down")


def _value_tag(value: Any) -> str:
    return "formula" if isinstance(value, str) else "number"


def _source_tag(value: Any) -> str | None:
    if isinstance(value, (dict, FileSource)):
        return "file"
    return None if not isinstance(value, type) and np.ndim(value) > 0 else _value_tag(value)


Source: TypeAlias = Annotated[
    Annotated[Finite, Tag("number")] | Annotated[str, Tag("formula")] | Annotated[FileSource, Tag("file")],
    Discriminator(
        _source_tag,
        custom_error_type="array",
        custom_error_message='is a number, a formula, or a file for values in an array: numpy.save("u.npy", u), '
        'and { file = "u.npy" } here',
    ),
]
"""A number, a formula in the coordinates, or a field in a file."""


Value: TypeAlias = Annotated[
    Annotated[Finite, Tag("number")] | Annotated[str, Tag("formula")], Discriminator(_value_tag)
]
"""A number, or a formula in the coordinates and t."""


def _check_sign(value: Any) -> Any:
    if isinstance(value, float) and not 0 <= value <= 1e100:
        raise ValueError("must be from 0 to 1e100")
    return value


NonNegative: TypeAlias = Annotated[Source, AfterValidator(_check_sign)]
"""The same, of values that are not negative; those of formulas and files are looked at when they are evaluated."""


def check_formula(key: str, source: object, names: tuple[str, ...]) -> None:
    if isinstance(source, str):
        try:
            Formula.parse(source, names)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None
