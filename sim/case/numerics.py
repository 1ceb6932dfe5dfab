"""[time], [numerics]: how it is solved."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sim.case.table import Finite, Positive, Table


class TimeTable(Table):
    end: Finite = Field(ge=0, description="the run ends exactly here")
    step: Positive | None = Field(None, description="time step; by default the stable one times safety")
    safety: float = Field(0.9, gt=0, le=1, description="fraction of the stable step")
    integrator: Literal["euler"] = Field("euler", description="forward Euler (FTCS)")


class NumericsTable(Table):
    dtype: Literal["float32", "float64"] = "float32"
    stencil: Literal["auto", "conv", "slices"] = Field("auto", description="how the stencil is applied")
