"""What an observation sees, and what it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import jax

from solvers.block import Block, core
from solvers.exchange import Exchange
from solvers.patch import Patch


@dataclass(frozen=True)
class Scene:
    """A block at one time: `patch` holds its fields and coefficients, ghosts next to walls and neighbours filled."""

    block: Block
    exchange: Exchange
    patch: Patch

    @property
    def interior(self) -> Patch:
        """The block's own cells, padding included where there is some."""
        margins, patch = self.block.margins, self.patch
        return patch.inner(margins, {name: core(u, margins) for name, u in patch.fields.items()}, patch.time)


class Observation(Protocol):
    """A number of the whole grid, the same on every block and for every decomposition."""

    def __call__(self, scene: Scene) -> jax.Array:
        """float64[]."""
        ...
