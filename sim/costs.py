"""What a stage of a step costs, by a model: good enough to tell which few ways of stepping are worth trying."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax

from sim import machine
from sim.topology import Topology
from solvers.integrators import Step

# Stages an exchange.
_DEPTHS = (1, 2, 4, 8, 16, 32)
# What all cells that a tile sees may take, of a core's cache, or where the one behind it is fast; what its own cells
# need not exceed, by dimension, and in 3-D their number; how many of them along the second axis are worth trying.
_FILLED = (0.8, 16.0)
_ENOUGH = {1: 0.75, 2: 0.75, 3: 0.5}
_ENOUGH_CELLS = 1 << 16
_ACROSS = {1: (), 2: (), 3: (16, 32, 8)}
# In 2-D, where rows are so many times as long, there may be tiles of short ones, of so many bytes in all arrays: the
# smallest cache of a core, of 48 or 32 KiB, holds three of them.  And so many layers, at most and at least.
# Beside whole rows of 8192 cells up to 1.2 times as fast in float32, 1.3 in float64; of 4096 as fast: they are tried.
_SHORT_ROWS, _LONG_ROWS = (1 << 14, 1 << 13), 2
_LAYERS = (48, 8)


class Choice(NamedTuple):
    """Stages an exchange, cells of a tile along the first axes, 0: all; none: the whole block, stage after stage."""

    stages: int
    tile: tuple[int, ...]


STEP_BY_STEP = Choice(1, ())


def tile_text(tile: Sequence[int]) -> str:
    """In words."""
    return " × ".join(str(n) if n else "all" for n in tile) + " cells"


def _first_of_each(kind: Callable[[Choice], int], ranked: Iterable[Choice]) -> list[Choice]:
    first: dict[int, Choice] = {}
    for choice in ranked:
        first.setdefault(kind(choice), choice)
    return list(first.values())


def _depth(choice: Choice) -> int:
    return choice.stages


@dataclass(frozen=True)
class CoreRates:
    """Bytes a second that a core steps through in its own cache and in the one behind it, those that it moves to and
    from memory, and the seconds to start a tile's stage.

    By default of the right order on anything from a laptop to a node of a cluster; what matters is their ratios.
    """

    in_cache: float = 3e10
    beyond: float = 2.4e10
    memory: float = 1.5e10
    tile_seconds: float = 1e-8


class Parts(NamedTuple):
    """Seconds of a stage: on a block's own cells, on ghost cells, through memory, starting tiles, in exchanges."""

    cells: float
    ghosts: float
    memory: float
    tiles: float
    exchange: float


@dataclass(frozen=True)
class Costs:
    """Blocks of `topology`, whose stages reach `width` cells and move `cell_bytes` of each cell, on a core each.

    `periodic`: which axes are, none unless told.  `blocked`: whether blocks outgrow the core's cache of `cache` bytes,
    and tiles may pay.
    """

    topology: Topology
    width: int
    cell_bytes: int
    on_cpu: bool
    exchange_seconds: float = 0.0
    cache: int = 0
    rates: CoreRates = CoreRates()
    periodic: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "cache", self.cache or machine.l2_bytes())

    @property
    def blocked(self) -> bool:
        return self.on_cpu and math.prod(self.topology.largest) * self.cell_bytes > self.cache

    def choices(self, stages: int | None, tile: Sequence[int] | None, most: int | None = None) -> list[Choice]:
        """All that there is to choose from, what is given being given; else `most` limits the stages an exchange."""
        depths = [stages] if stages else [k for k in _DEPTHS if k <= (most or k) and k * self.width <= self._deepest]
        return [Choice(k, t) for k in depths for t in ([tuple(tile)] if tile is not None else self._tiles(k))]

    @property
    def _deepest(self) -> int:
        """Ghost layers that there is room for: of an axis that large blocks share they take an eighth at most."""
        cells, parts = self.topology.smallest, self.topology.blocks
        shared = [n // 16 for n, several in zip(cells, parts, strict=True) if several > 1 and self.blocked]
        return min([*cells, *(max(n, self.width) for n in shared)])

    def ranked(self, choices: Sequence[Choice]) -> list[Choice]:
        """The fastest first."""
        return sorted(choices, key=self.seconds)

    def seconds(self, choice: Choice) -> float:
        """Of a stage.

        With blocks of n cells a side, k stages an exchange, each of reach w, T tiles and b bytes a cell,

            Π (n + 2 (k - 1) w) b / bandwidth of cache + Π n b / (k · bandwidth of memory) + T t + exchange / k,

        the second term's k being 1 where there are no tiles, and that term nothing where the block fits into the cache;
        the first with w / 2 along an axis cut into tiles, of which fewer ghosts are stepped stage by stage, and without
        it along one that a block has for itself (`solvers.cover`); and times (s + 2 k w) / s where the last axis is cut
        in strips of s cells (`solvers.strips`).
        """
        return sum(self.parts(choice))

    def parts(self, choice: Choice) -> Parts:
        """What the seconds of a stage are spent on."""
        k, tile = choice
        sides = self._sides(tile, k - 1, trimmed=True)
        own, total = (math.prod(shape) * float(self.cell_bytes) for shape in (self.topology.largest, sides))
        if len(tile) > self._last and tile[self._last]:
            total *= self._seen(k, self._last, tile[self._last]) / tile[self._last]
        rate = self.rates.beyond if self.beyond(choice) else self.rates.in_cache
        tiles = math.prod((n + (k - 1) * self.width) / size for n, size in zip(sides, tile, strict=False) if size)
        return Parts(
            own / rate,
            (total - own) / rate,
            own / self.rates.memory / (k if any(tile) else 1) if self.blocked else 0.0,
            self.rates.tile_seconds * tiles if any(tile) else 0.0,
            self.exchange_seconds / k,
        )

    def beyond(self, choice: Choice) -> bool:
        """Whether a tile, with what it leans over, outgrows the core's own cache."""
        return any(choice.tile) and self._held(choice) > self.cache

    @classmethod
    def of(cls, topology: Topology, step: Step, cell_bytes: int, periodic: tuple[bool, ...]) -> Costs:
        """Of a step here, whose cells take so many bytes in all arrays."""
        on_cpu = jax.default_backend() == "cpu"
        return cls(topology, step.width, cell_bytes, on_cpu, periodic=periodic)

    def worth_trying(self, choices: Sequence[Choice], count: int) -> list[Choice]:
        """The fastest by the model, of a depth each, fewer than half in tiles that a core caches; that of each length
        of short rows; and the plain way."""
        ranked = self.ranked(choices)
        near = _first_of_each(_depth, (choice for choice in ranked if not self.beyond(choice)))[: count // 2]
        far = _first_of_each(_depth, (choice for choice in ranked if self.beyond(choice)))[: count - len(near)]
        short = [choice for choice in ranked if self._last == 1 and len(choice.tile) == 2]
        also = [STEP_BY_STEP, *_first_of_each(lambda choice: choice.tile[1], short)]
        return [*near, *far, *(choice for choice in ranked if choice in also and choice not in near)]

    def _tiles(self, stages: int) -> list[tuple[int, ...]]:
        """Tiles worth thinking of: such that with what they lean over they take what they may (`_FILLED`).

        Of the first axis alone, and in 3-D of the second one too; of the last of several, along which XLA vectorises,
        only where rows are long.
        """
        if stages == 1 or not self.blocked:
            return [STEP_BY_STEP.tile]
        sides = self._sides((1,), stages)
        found = [STEP_BY_STEP.tile]
        for across in ((), *((cells,) for cells in _ACROSS[len(sides)])):
            layer = self._held(Choice(stages, (1, *across))) / self._seen(stages, 0, 1)
            own = math.prod([*across, *sides[1 + len(across) :]]) * self.cell_bytes
            enough = max(1, int(self._enough / own))
            before = 0
            for filled in _FILLED:
                thick = min(int(self.cache * filled / layer) - self._seen(stages, 0, 0), enough)
                if thick >= max(1, 2 * before):
                    found.append((thick, *across))
                    before = thick
        found += self._in_short_rows(stages) if len(sides) == 2 else []
        # Those whose stages see the least that the one before has not seen: of as many cells the squarest.
        return sorted(found, key=lambda tile: sum(1 / size for size in tile))

    def _in_short_rows(self, stages: int) -> list[tuple[int, ...]]:
        most, fewest = _LAYERS
        found: list[tuple[int, ...]] = []
        for row in (size // self.cell_bytes for size in _SHORT_ROWS):
            layer = self._held(Choice(stages, (1, row))) / self._seen(stages, 0, 1)
            thick = min(int(self.cache * _FILLED[0] / layer) - self._seen(stages, 0, 0), most)
            if thick >= fewest and self.topology.largest[1] >= _LONG_ROWS * row:
                found.append((thick, row))
        return found

    @property
    def _enough(self) -> float:
        """Bytes that a tile's own cells need not exceed."""
        ndim = len(self.topology.shape)
        part = self.cache * _ENOUGH[ndim]
        return min(part, _ENOUGH_CELLS * self.cell_bytes) if ndim == 3 else part

    def _held(self, choice: Choice) -> int:
        """Bytes of the cells that a tile sees in all its stages, in all arrays."""
        sides = self._sides(choice.tile, choice.stages)
        for axis, size in enumerate(choice.tile):
            if size:
                sides[axis] = min(sides[axis], self._seen(choice.stages, axis, size))
        return math.prod(sides) * self.cell_bytes

    def _sides(self, tile: Sequence[int], stages: int, trimmed: bool = False) -> list[int]:
        """Cells along each axis that are stepped, with those of neighbours that so many more stages will need.

        trimmed: on average over these stages.
        """
        cells = []
        for axis, (n, blocks) in enumerate(zip(self.topology.largest, self.topology.blocks, strict=True)):
            cut = axis < len(tile) and tile[axis] > 0
            around = bool(self.periodic) and self.periodic[axis] and cut
            ghosts = stages * self.width * (1 if cut and trimmed and axis != self._last else 2)
            cells.append(n + ghosts if blocks > 1 or around else n)
        return cells

    def _seen(self, stages: int, axis: int, size: int) -> int:
        """Cells along an axis that a tile of `size` sees in all its stages; along the last one in each."""
        return size + (2 * stages if axis == self._last else stages + 1) * self.width

    @property
    def _last(self) -> int:
        return len(self.topology.shape) - 1
