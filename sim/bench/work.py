"""What all contestants compute: the same steps of the heat equation, with an answer that is known."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np

_SAFETY = 0.9
# All steps together leave so much of u: each changes it by more than rounding does.
_LEFT = math.exp(-1)
# Units in the last place of 1, all roundings of a step one way.
_WORST_STEP = 5


@dataclass(frozen=True)
class Work:
    """`steps` steps of ∂u/∂t = ∇·(α∇u), α = 1, by FTCS on cubic cells of width h = 1/nₓ, u = 0 on all walls.

    u starts as a product of sines, a mode of the grid too: each step multiplies it by the same factor,

        uⁿ = (1 - λ dt)ⁿ u⁰,    λ = Σ (2/h sin(π m / 2n))²,    dt = 0.9 h² / (2 d),

    with m half waves in n cells along each of d axes, so many that uⁿ is about u⁰ / e.  A cell's ghost across a wall is
    minus the cell: u[-1] = -u[0].

    alpha: "field" gives α as one value a cell, all of them 1: what it costs doesn't depend on the values.
    every: steps between outputs; 0: none.  lean: checked by its maximum alone, which takes no memory.
    """

    shape: tuple[int, ...]
    dtype: str
    steps: int
    alpha: Literal["constant", "field"] = "constant"
    every: int = 0
    lean: bool = False

    @classmethod
    def from_json(cls, text: str) -> Work:
        found = json.loads(text)
        return cls(**{**found, "shape": tuple(found["shape"])})

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def name(self) -> str:
        cube = len(set(self.shape)) == 1 and self.ndim > 1
        size = f"{self.shape[0]}{'⁰¹²³'[self.ndim]}" if cube else " × ".join(map(str, self.shape))
        alpha = ", α a field" if self.alpha == "field" else ""
        outputs = f", an output every {self.every} steps" if self.every else ""
        memory = ", its memory" if self.lean else ""
        return f"{size}, {self.dtype}{alpha}{outputs}{memory}"

    @property
    def cells(self) -> int:
        return math.prod(self.shape)

    @property
    def field_bytes(self) -> int:
        return self.cells * np.dtype(self.dtype).itemsize

    @property
    def spacing(self) -> float:
        return 1 / self.shape[-1]

    @property
    def half_waves(self) -> tuple[int, ...]:
        """m along each axis."""
        lost_a_step = 1 - _LEFT ** (1 / max(1, self.steps))
        sine = math.sqrt(lost_a_step / (2 * _SAFETY))
        return tuple(max(1, round(2 * n * math.asin(sine) / math.pi)) for n in self.shape)

    @property
    def dt(self) -> float:
        return self.ratio * self.spacing**2

    @property
    def ratio(self) -> float:
        """dt / h²: what a neighbour's difference is multiplied by."""
        return _SAFETY / (2 * self.ndim)

    @property
    def rate(self) -> float:
        """What uⁿ decays by per time: (1 - λ dt)ⁿ = exp(-rate · n dt)."""
        sines = [math.sin(math.pi * m / (2 * n)) for m, n in zip(self.half_waves, self.shape, strict=True)]
        return -math.log1p(-self.ratio * sum(4 * sine**2 for sine in sines)) / self.dt

    @property
    def decay(self) -> float:
        """What all steps together multiply u by."""
        return math.exp(-self.rate * self.steps * self.dt)

    def initial(self) -> np.ndarray:
        """The field, with one layer of ghosts around it that are yet to be filled."""
        u = np.zeros([n + 2 for n in self.shape], self.dtype)
        for layer, mode in zip(u[self._inside], self._layers(), strict=True):
            layer[...] = mode
        return u

    def error(self, u: np.ndarray) -> float:
        """Of a field with ghosts after all steps: the largest difference from what it should be.

        A layer at a time: some contestants leave little memory.
        """
        decay, inside = self.decay, u[self._inside]
        return max(
            float(np.abs(layer - decay * mode).max()) for layer, mode in zip(inside, self._layers(), strict=True)
        )

    def largest(self) -> float:
        """The largest value after all steps."""
        return self.decay * math.prod(float(np.abs(line).max()) for line in self._lines())

    @property
    def tolerance(self) -> float:
        """What rounding may do: half a unit in the last place by the initial field, which no step enlarges.

        A step's sums reach 4 d, of which it takes 0.9 / 2 d, so that it rounds by five units at worst; by about one
        each where there are many, which fall either way.  And in the sine's argument, m π at most: noise of other
        waves, which decay otherwise.
        """
        of_steps = (0.5 + _WORST_STEP + max(1, self.steps)) * float(np.finfo(self.dtype).eps)
        return of_steps + math.pi * max(self.half_waves) * float(np.finfo(np.float64).eps)

    def teff(self, seconds: float) -> float:
        """2 · bytes of the field · steps / seconds, in GB/s."""
        return 2 * self.field_bytes * self.steps / seconds / 1e9

    def gigacells(self, seconds: float) -> float:
        """10⁹ cells stepped a second."""
        return self.cells * self.steps / seconds / 1e9

    @property
    def _inside(self) -> tuple[slice, ...]:
        return (slice(1, -1),) * self.ndim

    def _lines(self) -> list[np.ndarray]:
        """The sine along each axis."""
        return [np.sin(np.pi * m * (np.arange(n) + 0.5) / n) for m, n in zip(self.half_waves, self.shape, strict=True)]

    def _layers(self) -> Iterator[np.ndarray]:
        first, *rest = self._lines()
        across = math.prod(np.meshgrid(*rest, indexing="ij"), start=np.ones(()))
        return (value * across for value in first)


def cube(ndim: int, cells: int, dtype: str, steps: int) -> Work:
    """Work on as many cells along each axis."""
    return Work((cells,) * ndim, dtype, steps)


QUICK = (
    cube(2, 3072, "float32", 64),
    cube(3, 224, "float32", 64),
)
FULL = (
    cube(2, 1024, "float32", 768),
    cube(2, 8192, "float32", 96),
    cube(2, 8192, "float64", 48),
    replace(cube(2, 8192, "float32", 48), alpha="field"),
    cube(3, 512, "float32", 48),
    cube(3, 512, "float64", 24),
    replace(cube(2, 4096, "float32", 2000), every=1000),
    replace(cube(2, 16384, "float32", 16), lean=True),
)
