"""A part of space: a box, a ball, or where a formula holds."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from sim.case.table import Finite, Positive, Table

Interval = Annotated[list[Finite], Field(min_length=2, max_length=2)]


class Point(Table):
    """A place; as many coordinates as the grid has axes."""

    x: Finite
    y: Finite | None = None
    z: Finite | None = None


class BoxTable(Table):
    """lower ≤ coordinate ≤ upper, on the axes that are given."""

    x: Interval | None = None
    y: Interval | None = None
    z: Interval | None = None


class BallTable(Table):
    centre: Point
    radius: Positive


class Placed(Table):
    """Something that lies in one part of space: exactly one of `box`, `ball` and `where` says which."""

    SHAPES: ClassVar[tuple[str, ...]] = ("box", "ball", "where")

    field: str = Field("u", description="the field it concerns")
    box: BoxTable | None = Field(None, description="{ x = [from, to], … }; an axis left out is taken whole")
    ball: BallTable | None = Field(None, description="{ centre = { x = …, … }, radius = … }")
    where: str | None = Field(None, description="a formula in the coordinates, such as x**2 + y**2 < 1")

    @model_validator(mode="after")
    def _one_shape(self) -> Placed:
        given = [name for name in self.SHAPES if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(self.SHAPES)}; got {' and '.join(given) or 'none'}")
        return self
