"""[solver]: how the equations of implicit methods and of steady states are solved."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sim.case.table import Table


class SolverTable(Table):
    method: Literal["auto", "cg", "bicgstab"] = Field(
        "auto", description="conjugate gradients for symmetric systems, BiCGStab for others"
    )
    tolerance: float | None = Field(
        None, gt=0, lt=1, description="of the residual, relative to u; to the first one for steady states"
    )
    iterations: int = Field(200, ge=1, le=100_000, description="of a linear system, at most")
    newton: int = Field(20, ge=1, le=1000, description="linear systems for one nonlinear one, at most")
