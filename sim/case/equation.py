"""[equation]: what is solved, from which state, and what is known of the solution."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sim.case.source import Source
from sim.case.table import Finite, Table


class HeatTable(Table):
    kind: Literal["heat"] = "heat"
    alpha: Finite = Field(ge=0, le=1e100, description="diffusivity α, length²/time, constant")
    source: Source = Field(0.0, description="q(x, y, z), u/time")


class InitialTable(Table):
    u: Source = Field(description="u(x, y, z) at time 0")


class ExactTable(Table):
    u: str = Field(description="exact solution u(x, y, z, t), for the error in the summary")
