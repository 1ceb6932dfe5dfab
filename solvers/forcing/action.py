"""An operation on the values in a region."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import jax
import jax.numpy as jnp

from solvers.fields import Fields
from solvers.forcing.region import Region
from solvers.patch import Patch

Operation: TypeAlias = Literal["set", "add", "multiply", "divide", "power", "min", "max", "apply"]
OPERATIONS: tuple[Operation, ...] = get_args(Operation)

PatchValue: TypeAlias = float | Callable[[Patch], jax.Array]
"""A number, or a function of the patch: of place, time and fields."""

_OF_TWO: Mapping[str, Callable[[jax.Array, jax.Array], jax.Array]] = {
    "set": lambda u, value: value,
    "apply": lambda u, value: value,
    "add": jnp.add,
    "multiply": jnp.multiply,
    "power": jnp.power,
    "min": jnp.minimum,
    "max": jnp.maximum,
}


@dataclass(frozen=True)
class Action:
    """u ← u ∘ value in a region, after every step, or after those steps within which one of `times` lies, once.

    `apply` is `set`, its value being a function of u itself.
    """

    field: str
    region: Region
    operation: Operation
    value: PatchValue
    times: tuple[float, ...] = ()

    def __call__(self, patch: Patch, dt: jax.Array) -> Fields:
        """The patch's fields after it, at the end of a step of length dt."""
        u = patch.fields[self.field]
        found = self.value(patch) if callable(self.value) else self.value
        value = jnp.asarray(found, u.dtype)
        if self.operation == "divide":
            changed = patch.rounded.ratio(u, value)
        else:
            changed = patch.rounded(_OF_TWO[self.operation](u, value))
        where = self.region.inside(patch)
        if self.times:
            where = where & self._is_due(patch.time, dt)
        return {**patch.fields, self.field: jnp.where(where, changed, u)}

    def _is_due(self, end: jax.Array, dt: jax.Array) -> jax.Array:
        # A little late: a time at the end of a step, but for rounding, is of that step.  By so much of the time itself,
        # not of the step: where one step ends the next begins, however long they are.
        late = 1.0 + 1e-12
        times = jnp.asarray(self.times, jnp.float64)
        return jnp.any((times > (end - dt) * late) & (times <= end * late))
