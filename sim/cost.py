"""What a stage of a step costs: the model by which runs are planned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sim.topology import Topology

DEPTHS = (1, 2, 4, 8, 16)
"""Stages an exchange that are considered."""


@dataclass(frozen=True)
class Core:
    """What one rank does while all others work too: cells stepped a second, bytes a second to and from memory.

    cells_per_second: in blocks that the cache holds.  in_slabs: in blocks that it doesn't, slab by slab.
    bytes_per_second may be infinite: no memory is in the way.  cache: bytes, a rank's share of the last level.
    """

    cells_per_second: float
    in_slabs: float
    bytes_per_second: float
    cache: float


TYPICAL = Core(cells_per_second=4e9, in_slabs=4e9, bytes_per_second=2e10, cache=6 << 20)
"""Of the right order on anything from a laptop to a node of a cluster; the best depth goes with the square root of
their ratios."""


@dataclass(frozen=True)
class Link:
    """What a message to a neighbour takes while all send at once: latency + bytes / bandwidth, in s and bytes/s."""

    latency: float
    bandwidth: float

    def seconds(self, size: float) -> float:
        return self.latency + size / self.bandwidth


@dataclass(frozen=True)
class Load:
    """What stages ask of the rank with the largest block.

    width: ghost layers that a stage consumes.  itemsize: bytes of a value.  fields: those that evolve, each with two
    buffers.  coefficients: fields that are only read.  registers: what a step of `stages` stages carries beside them.
    in_slabs: whether blocks that outgrow the cache may be stepped in slabs, once through memory an exchange.
    """

    topology: Topology
    width: int
    itemsize: int
    fields: int = 1
    coefficients: int = 0
    registers: int = 0
    stages: int = 1
    in_slabs: bool = True

    def messages(self, depth: int) -> list[int]:
        """Bytes of each message that a rank sends in one exchange: two an axis that is cut, corners included.

        As `solvers.halo` does it: axis by axis, each strip across all ghosts of the other axes.  Registers have none
        where each stage, or each step, has an exchange of its own.
        """
        ghosts = depth * self.width
        sides = [n + 2 * ghosts for n in self.topology.largest]
        strips = [ghosts * math.prod(sides) // side * self.itemsize for side in sides]
        cut = [strip for strip, parts in zip(strips, self.topology.blocks, strict=True) if parts > 1]
        within_steps = depth > 1 and depth % self.stages != 0
        exchanged = self.fields + (self.registers if within_steps else 0)
        return [size for size in cut for _ in range(2)] * exchanged

    @property
    def arrays(self) -> int:
        """Blocks that a rank holds."""
        return 2 * (self.fields + self.registers) + self.coefficients

    def memory(self, depth: int) -> int:
        """Bytes of all blocks of the rank, ghosts and both buffers included."""
        cells = math.prod(n + 2 * depth * self.width for n in self.topology.largest)
        return self.arrays * cells * self.itemsize

    @property
    def traffic(self) -> int:
        """Bytes that a stage reads and writes, each cell once."""
        return self.arrays * math.prod(self.topology.largest) * self.itemsize

    @property
    def depths(self) -> list[int]:
        """Those of DEPTHS for which the smallest block has cells enough."""
        return [depth for depth in DEPTHS if min(self.topology.smallest) >= depth * self.width]


@dataclass(frozen=True)
class Cost:
    """Seconds a stage: on the block's own cells, on ghost cells, through memory, in exchanges."""

    cells: float
    ghosts: float
    memory: float
    exchange: float

    @property
    def seconds(self) -> float:
        return self.cells + self.ghosts + self.memory + self.exchange


def stage_cost(load: Load, depth: int, core: Core, link: Link) -> Cost:
    """Seconds of a stage, with k = `depth` stages an exchange and blocks of n cells a side, N in all:

        (N + N') / rate + bytes / (k bandwidth) + exchange / k,    N + N' = Π (n + 2 (k - 1) w)

    N' are the ghost cells, of which every stage computes all but the outermost w layers.  Through memory go blocks
    that the cache does not hold: once an exchange where they are stepped in slabs, at the rate there, else every stage.
    """
    own = math.prod(load.topology.largest)
    computed = math.prod(n + 2 * (depth - 1) * load.width for n in load.topology.largest)
    outgrows = load.traffic > core.cache
    in_slabs = outgrows and load.in_slabs and depth > 1
    rate = core.in_slabs if in_slabs else core.cells_per_second
    through_memory = load.traffic / (depth if in_slabs else 1) if outgrows else 0.0
    return Cost(
        own / rate,
        (computed - own) / rate,
        through_memory / core.bytes_per_second,
        sum(map(link.seconds, load.messages(depth))) / depth,
    )


def best_depth(load: Load, core: Core, link: Link, depths: Sequence[int] = ()) -> int:
    """The cheapest of `depths`, by default all that fit."""
    return min(depths or load.depths, key=lambda depth: stage_cost(load, depth, core, link).seconds)
