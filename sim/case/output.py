"""[output]: what is written, when, and how much of it."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from sim.case.table import Finite, Positive, Table
from sim.case.words import Name, Text
from sim.hyperslab import Hyperslab, hyperslab_of
from solvers.grid import Grid

AxisName: TypeAlias = Literal["x", "y", "z"]
Precision: TypeAlias = Literal["float32", "float64"]
# TOML has lists, and no tuples.
Interval: TypeAlias = Annotated[tuple[Finite, Finite], Field(strict=False)]


class Cut(Table):
    """Which cells are written; by default all."""

    stride: dict[AxisName, Annotated[int, Field(ge=1, le=2**31)]] = Field(
        {}, description="every so-many-th cell along an axis, e.g. { x = 4, y = 4 }"
    )
    box: dict[AxisName, Interval] = Field({}, description="cells with centres in an interval, e.g. { x = [0.0, 0.5] }")
    at: dict[AxisName, Finite] = Field({}, description="a slice through a coordinate, e.g. { z = 0.5 }")
    index: dict[AxisName, Annotated[int, Field(ge=0, lt=2**31)]] = Field({}, description="a slice by the cell's number")

    def hyperslab(self, grid: Grid) -> Hyperslab:
        """Raises ValueError where the grid has no such cells."""
        return hyperslab_of(grid, self.stride, self.box, self.at, self.index)


class FieldOutput(Table):
    """One field in the files."""

    dtype: Precision | None = Field(None, description="precision on disk; by default numerics.dtype")
    long_name: Text | None = Field(None, description="what the field is, for plots; by default output.long_name")
    units: Text | None = Field(None, description="unit of the field; by default output.units")


class ExtraOutput(Cut):
    """Another series of files, of its own cells at its own times."""

    fields: list[str] | None = Field(None, min_length=1, description="which fields; by default all")
    every: Positive | None = Field(None, description="time between files; by default as output.every")
    dtype: Precision | None = Field(None, description="precision on disk; by default each field's own")


class OutputTable(Cut):
    every: Positive | None = Field(None, description="time between snapshots; by default start and end only")
    long_name: Text | None = Field(None, description="what the field is, for plots; by default its name")
    units: Text = Field("1", description="unit of the field")
    length_units: Text = Field("1", description="unit of the coordinates")
    time_units: Text = Field("1", description="unit of time")
    compress: Literal["none", "gzip"] = Field("none", description="gzip: smaller files, packed by one rank")
    fields: dict[str, FieldOutput] = Field({}, description="what differs for a field")
    extra: dict[Name, ExtraOutput] = Field({}, description="further series of files, e.g. a slice, more often")

    @model_validator(mode="after")
    def _few(self) -> OutputTable:
        if len(self.extra) > 64:
            raise ValueError(f"at most 64 extra outputs; got {len(self.extra)}")
        return self

    @property
    def extra_intervals(self) -> list[float]:
        return [extra.every for extra in self.extra.values() if extra.every is not None]
