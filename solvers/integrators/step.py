"""What a step is to the time loop."""

from __future__ import annotations

from typing import Protocol

import jax

from solvers.fields import Fields
from solvers.patch import Patch


class Step(Protocol):
    """u(t) → u(t + Δt): a chain of stages, each local within `width` cells.

    All stages of a step may see `registers`, fields that the step makes of those it begins with, and, where it
    `looks_back`, the fields of the stage before the present one, "u:before"; of both each cell only its own, without
    neighbours.  In the first stage the latter may be anything.
    """

    @property
    def width(self) -> int:
        """Ghost layers that one stage consumes."""
        ...

    @property
    def times(self) -> tuple[float, ...]:
        """When within the step, from 0 to 1, the fields are that each stage starts from; one entry a stage."""
        ...

    @property
    def registers(self) -> tuple[str, ...]:
        """Names of what is carried beside the fields."""
        ...

    @property
    def looks_back(self) -> bool: ...

    def stable_step(self, decay: float, wave: float) -> float:
        """The largest Δt for which no mode of an equation with these rates grows; infinite where nothing changes."""
        ...

    def begin(self, patch: Patch, dt: jax.Array) -> Fields:
        """The registers of a step that begins with these fields: dtype[m, …] → dtype[m - 2·width, …]."""
        ...

    def __call__(self, patch: Patch, stage: int | jax.Array, dt: jax.Array) -> Fields:
        """One stage: ghosted fields, registers with them, dtype[m, …] → new fields, dtype[m - 2·width, …]."""
        ...
