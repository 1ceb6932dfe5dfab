"""What a step costs, by a model: good enough to tell which few ways of stepping are worth trying."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sim import machine
from sim.topology import Topology

_DEPTHS = (1, 2, 4, 8, 16)


class Choice(NamedTuple):
    """Steps an exchange, layers a slab; 0: the whole block, step after step."""

    steps: int
    slab: int


@dataclass(frozen=True)
class Rates:
    """Bytes a second that a core steps through in its own cache and in the one behind it, those that it moves to and
    from memory, and the seconds to start a slab.

    By default of the right order on anything from a laptop to a node of a cluster; what matters is their ratios.
    """

    in_cache: float = 3e10
    beyond: float = 1.6e10
    memory: float = 1.5e10
    slab_seconds: float = 5e-7


class Parts(NamedTuple):
    """Seconds of a step: on a block's own cells, on ghost cells, through memory, starting slabs, in exchanges."""

    cells: float
    ghosts: float
    memory: float
    slabs: float
    exchange: float


@dataclass(frozen=True)
class Costs:
    """Blocks of `topology`, whose steps reach `width` cells and move `cell_bytes` of each cell, on a core each.

    `blocked`: whether blocks outgrow the core's cache of `cache` bytes, and slabs may pay.
    """

    topology: Topology
    width: int
    cell_bytes: int
    on_cpu: bool
    exchange_seconds: float = 0.0
    cache: int = 0
    rates: Rates = Rates()

    def __post_init__(self) -> None:
        object.__setattr__(self, "cache", self.cache or machine.l2_bytes())

    @property
    def blocked(self) -> bool:
        return self.on_cpu and math.prod(self.topology.largest) * self.cell_bytes > self.cache

    def choices(self, steps: int | None, slab: int | None) -> list[Choice]:
        """All that there is to choose from, what is given being given."""
        deepest = min(self.topology.smallest)
        depths = [steps] if steps else [k for k in _DEPTHS if deepest >= k * self.width]
        return [Choice(k, s) for k in depths for s in ([slab] if slab is not None else self._slabs(k))]

    def ranked(self, choices: Sequence[Choice]) -> list[Choice]:
        """The fastest first."""
        return sorted(choices, key=self.seconds)

    def seconds(self, choice: Choice) -> float:
        """Of a step.

        With blocks of n cells a side, k steps an exchange, each of reach w, S slabs and b bytes a cell,

            Π (n + 2 (k - 1) w) b / bandwidth of cache + Π n b / (k · bandwidth of memory) + S t + exchange / k,

        the second term's k being 1 where there are no slabs, and that term nothing where the block fits into the cache.
        """
        return sum(self.parts(choice))

    def parts(self, choice: Choice) -> Parts:
        """What the seconds of a step are spent on."""
        k, slab = choice
        sides = [n + 2 * (k - 1) * self.width for n in self.topology.largest]
        own, total = (math.prod(shape) * self.cell_bytes for shape in (self.topology.largest, sides))
        rate = self.rates.beyond if self.beyond(choice) else self.rates.in_cache
        return Parts(
            own / rate,
            (total - own) / rate,
            own / self.rates.memory / (k if slab else 1) if self.blocked else 0.0,
            self.rates.slab_seconds * sides[0] / slab if slab else 0.0,
            self.exchange_seconds / k,
        )

    def beyond(self, choice: Choice) -> bool:
        """Whether the slabs of a wavefront outgrow the core's own cache."""
        k, slab = choice
        return slab > 0 and 2 * k * slab * self._layer(k) > self.cache

    def _slabs(self, steps: int) -> list[int]:
        """Slabs worth thinking of: 2 · steps of them that fill half of the cache, and twice as thick ones."""
        if steps == 1 or not self.blocked:
            return [0]
        thin = max(self.width, self.cache // 2 // (2 * steps * self._layer(steps)))
        return [0, thin, 2 * thin]

    def _layer(self, steps: int) -> int:
        """Bytes of a layer of the first axis, in all arrays."""
        return self.cell_bytes * math.prod(n + 2 * steps * self.width for n in self.topology.largest[1:])
