"""What a step is to the time loop."""

from __future__ import annotations

from typing import Protocol

import jax

from solvers.fields import Fields
from solvers.patch import Patch


class Step(Protocol):
    """u(t) → u(t + Δt): a chain of stages, each local within `width` cells.

    Between stages a step may carry `registers`, fields of its own that it reads cell by cell, without neighbours;
    before the first stage of a step they hold anything.
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

    def stable_step(self, decay: float, wave: float) -> float:
        """The largest Δt for which no mode of an equation with these rates grows; infinite where nothing changes."""
        ...

    def __call__(self, patch: Patch, stage: int | jax.Array, dt: jax.Array) -> Fields:
        """One stage: ghosted fields and registers dtype[m, …] → new ones, dtype[m - 2·width, …]."""
        ...
