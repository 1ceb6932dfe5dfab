"""[output]: what is written."""

from __future__ import annotations

from pydantic import Field

from sim.case.table import Positive, Table


class OutputTable(Table):
    every: Positive | None = Field(None, description="time between snapshots; by default start and end only")
    long_name: str = Field("u", description="what the field is, for plots")
    units: str = Field("1", description="unit of the field")
    length_units: str = Field("1", description="unit of the coordinates")
    time_units: str = Field("1", description="unit of time")
