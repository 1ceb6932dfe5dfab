"""What all contestants compute: the same steps of the heat equation, with an answer that is known."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_SAFETY = 0.9


@dataclass(frozen=True)
class Work:
    """`steps` steps of ∂u/∂t = ∇²u by FTCS on the unit box of `cells` cells a side, u = 0 on all walls.

    u starts as Π sin(π x), the slowest mode of the grid too: each step multiplies it by the same factor,

        uⁿ = (1 - λ dt)ⁿ u⁰,    λ = d (2/h sin(π h / 2))²,    dt = 0.9 h² / (2 d).

    A cell's ghost across a wall is minus the cell: u[-1] = -u[0].
    """

    ndim: int
    cells: int
    dtype: str
    steps: int

    @property
    def name(self) -> str:
        return f"{self.cells}{'⁰¹²³'[self.ndim]}, {self.dtype}"

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.cells,) * self.ndim

    @property
    def field_bytes(self) -> int:
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    @property
    def dt(self) -> float:
        return _SAFETY / (2 * self.ndim * self.cells**2)

    @property
    def ratio(self) -> float:
        """dt / h²: what a neighbour's difference is multiplied by."""
        return _SAFETY / (2 * self.ndim)

    @property
    def rate(self) -> float:
        """What uⁿ decays by per time: (1 - λ dt)ⁿ = exp(-rate · n dt)."""
        eigenvalue = self.ndim * (2 * self.cells * math.sin(math.pi / (2 * self.cells))) ** 2
        return -math.log1p(-eigenvalue * self.dt) / self.dt

    def initial(self) -> np.ndarray:
        """The field, with one layer of ghosts around it that are yet to be filled."""
        u = np.zeros([n + 2 for n in self.shape], self.dtype)
        u[self._inside] = self._mode()
        return u

    def error(self, u: np.ndarray) -> float:
        """Of a field with ghosts after all steps: the largest difference from what it should be.

        A layer at a time: some contestants leave little memory.
        """
        decay = math.exp(-self.rate * self.steps * self.dt)
        inside = u[self._inside]
        return max(
            float(np.abs(layer - decay * mode).max()) for layer, mode in zip(inside, self._layers(), strict=True)
        )

    @property
    def tolerance(self) -> float:
        """What rounding may do: half a unit in the last place a step, at worst all one way."""
        return max(1, self.steps) * float(np.finfo(self.dtype).eps)

    def teff(self, seconds: float) -> float:
        """2 · bytes of the field · steps / seconds, in GB/s."""
        return 2 * self.field_bytes * self.steps / seconds / 1e9

    @property
    def _inside(self) -> tuple[slice, ...]:
        return (slice(1, -1),) * self.ndim

    def _mode(self) -> np.ndarray:
        return np.stack([layer.astype(self.dtype) for layer in self._layers()])

    def _layers(self) -> Iterator[np.ndarray]:
        line = np.sin(np.pi * (np.arange(self.cells) + 0.5) / self.cells)
        across = math.prod(np.meshgrid(*[line] * (self.ndim - 1), indexing="ij"), start=np.ones(()))
        return (value * across for value in line)


QUICK = (Work(2, 4096, "float32", 48), Work(3, 256, "float32", 48))
FULL = (
    Work(2, 8192, "float32", 96),
    Work(2, 8192, "float64", 48),
    Work(3, 512, "float32", 48),
    Work(3, 512, "float64", 24),
)
