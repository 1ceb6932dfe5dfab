"""[time], [numerics]: how it is solved."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from sim.case.table import Finite, Positive, Table


class TimeTable(Table):
    end: Finite = Field(ge=0, description="the run ends exactly here")
    step: Positive | None = Field(None, description="time step; by default the stable one times safety")
    safety: float = Field(0.9, gt=0, le=1, description="fraction of the stable step")
    integrator: Literal["euler", "heun", "ssprk3", "rk4", "rkl1", "rkl2"] = Field(
        "euler", description="forward Euler (FTCS), Runge-Kutta of order 2, 3, 4, or super-time-stepping of order 1, 2"
    )
    stages: int | None = Field(
        None, ge=3, le=101, description="stages of rkl1 and rkl2; by default what `step` takes, or 15"
    )

    @model_validator(mode="after")
    def _stages_of_rkl(self) -> TimeTable:
        if self.stages is not None and not self.integrator.startswith("rkl"):
            raise ValueError(f"stages are for rkl1 and rkl2; {self.integrator} has its own number")
        return self


class NumericsTable(Table):
    dtype: Literal["float32", "float64"] = "float32"
    order: Literal[2, 4] = Field(2, description="of accuracy of central differences in space")
    stencil: Literal["auto", "conv", "slices"] = Field("auto", description="how the stencil is applied")
