"""[time], [numerics]: how it is solved."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from sim.case.table import Finite, Positive, Table

_IMPLICIT = frozenset({"backward-euler", "crank-nicolson", "tr-bdf2", "bdf2", "imex-euler", "imex-ars222", "spectral"})


class TimeTable(Table):
    end: Finite = Field(ge=0, description="the run ends exactly here")
    step: Positive | None = Field(
        None, description="time step, of bs23 the first one; by default the stable one times safety"
    )
    safety: float = Field(0.9, gt=0, le=1, description="fraction of the stable step")
    steady: bool = Field(False, description="solve for the state that does not change any more, at once")
    integrator: Literal[
        "auto",
        "euler",
        "heun",
        "ssprk3",
        "rk4",
        "bs23",
        "verlet",
        "rkl1",
        "rkl2",
        "backward-euler",
        "crank-nicolson",
        "tr-bdf2",
        "bdf2",
        "imex-euler",
        "imex-ars222",
        "spectral",
    ] = Field(
        "euler",
        description="forward Euler, Runge-Kutta of order 2, 3, 4, of order 3 with steps as long as their errors allow "
        "(bs23), Verlet, super-time-stepping; or implicit; or auto",
    )
    tolerance: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="of bs23: error of a step, relative to max|u|; by default 1e-6, in float32 1e-4",
    )
    longest: Positive | None = Field(None, description="of bs23: no step is longer")
    absolute: Finite = Field(0.0, ge=0, description="of bs23: the same in the unit of u, beside the relative one")
    stages: int | None = Field(
        None, ge=3, le=201, description="stages of rkl1 and rkl2; by default what `step` takes, or 15"
    )

    @property
    def implicit(self) -> bool:
        """Whether steps solve systems of equations."""
        return self.steady or self.integrator in _IMPLICIT

    @property
    def adaptive(self) -> bool:
        """Whether steps are as long as their errors allow."""
        return self.integrator == "bs23" and not self.steady

    @model_validator(mode="before")
    @classmethod
    def _steady_at_once(cls, value: Any) -> Any:
        return {"end": 1.0, **value} if isinstance(value, dict) and value.get("steady") is True else value

    @model_validator(mode="after")
    def _steps_of_implicit(self) -> TimeTable:
        if self.steady and self.end == 0.0:
            raise ValueError("a steady state is that of walls and sources at time.end, which must be > 0")
        if self.implicit and not self.steady and self.step is None and self.integrator != "spectral":
            raise ValueError(f"{self.integrator} is stable whatever the step: give time.step, by the accuracy wanted")
        return self

    @model_validator(mode="after")
    def _errors_of_steps(self) -> TimeTable:
        if not self.adaptive and (self.tolerance, self.longest, self.absolute) != (None, None, 0.0):
            raise ValueError('tolerance, absolute and longest are for integrator = "bs23", which chooses its steps')
        return self

    @model_validator(mode="after")
    def _stages_of_rkl(self) -> TimeTable:
        if self.stages is not None and self.integrator not in ("auto", "rkl1", "rkl2"):
            raise ValueError(f"stages are for rkl1 and rkl2; {self.integrator} has its own number")
        return self


class NumericsTable(Table):
    dtype: Literal["float32", "float64"] = "float32"
    order: Literal[2, 4] = Field(2, description="of accuracy of central differences in space")
    reproducible: bool = Field(
        False, description="the same bits everywhere of functions such as exp in formulas too, for some speed"
    )
    stencil: Literal["auto", "conv", "slices"] = Field("auto", description="how the stencil is applied")
