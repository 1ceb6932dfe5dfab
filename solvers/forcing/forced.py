"""A step, and what acts on the fields after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import jax
import jax.numpy as jnp

from solvers.fields import Fields
from solvers.integrators.step import Step
from solvers.patch import Patch


class Forcing(Protocol):
    """Cell by cell, of place and time: ghosts and tiles see the same."""

    def __call__(self, patch: Patch, dt: jax.Array) -> Fields:
        """The patch's fields after it, at the end of a step of length dt."""
        ...


def acted_on(patch: Patch, forcings: Sequence[Forcing], dt: jax.Array) -> Fields:
    """The patch's fields after all forcings, in order, at the end of a step of length dt."""
    for forcing in forcings:
        patch = replace(patch, fields=forcing(patch, dt))
    return patch.fields


@dataclass(frozen=True)
class Forced:
    """A step whose last stage is followed by forcings, in order; itself a step (`solvers.integrators.Step`)."""

    step: Step
    forcings: Sequence[Forcing]

    @property
    def width(self) -> int:
        return self.step.width

    @property
    def times(self) -> tuple[float, ...]:
        return self.step.times

    @property
    def registers(self) -> tuple[str, ...]:
        return self.step.registers

    @property
    def looks_back(self) -> bool:
        return self.step.looks_back

    def stable_step(self, decay: float, wave: float) -> float:
        return self.step.stable_step(decay, wave)

    def begin(self, patch: Patch, dt: jax.Array) -> Fields:
        return self.step.begin(patch, dt)

    def __call__(self, patch: Patch, stage: int | jax.Array, dt: jax.Array) -> Fields:
        new = self.step(patch, stage, dt)
        begin = patch.time - patch.rounded(jnp.asarray(self.times)[stage] * dt)
        fields = acted_on(patch.inner(self.width, new, begin + dt), self.forcings, dt)
        if len(self.times) > 1:
            last = stage == len(self.times) - 1
            fields = {name: jnp.where(last, u, new[name]) for name, u in fields.items()}
        return fields
