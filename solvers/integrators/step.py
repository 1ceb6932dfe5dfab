"""What a step is to the time loop."""

from __future__ import annotations

from typing import Protocol

import jax

from solvers.fields import Fields


class Step(Protocol):
    """u(t) → u(t + Δt), local within `width` cells: a chain of local updates with a known reach."""

    @property
    def width(self) -> int:
        """Ghost layers that one step consumes."""
        ...

    def __call__(self, fields: Fields, coefficients: Fields, time: jax.Array, dt: jax.Array) -> Fields:
        """Ghosted blocks dtype[m, …] → new values on the cells they suffice for, dtype[m - 2·width, …]."""
        ...
