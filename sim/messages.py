"""What an exchange sends, and what that takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.topology import Ghosts, Topology


@dataclass(frozen=True)
class Link:
    """What a message to a neighbour takes while all send at once: latency + bytes / bandwidth, in s and bytes/s."""

    latency: float
    bandwidth: float

    def seconds(self, size: float) -> float:
        return self.latency + size / self.bandwidth


def messages(topology: Topology, ghosts: Ghosts, itemsize: int) -> list[int]:
    """Bytes of each message that a block sends in one exchange of a field: two an axis that is cut, corners included.

    As `solvers.halo` does it: axis by axis, each strip across all ghosts of the other axes.
    """
    sides = [n + 2 * margin for n, margin in zip(topology.largest, ghosts.margins(topology), strict=True)]
    strips = [ghosts.shared * math.prod(sides) // side * itemsize for side in sides]
    cut = [strip for strip, parts in zip(strips, topology.blocks, strict=True) if parts > 1]
    return [size for size in cut for _ in range(2)]


def fit_link(sizes: Sequence[float], seconds: Sequence[float]) -> Link:
    """The latency and bandwidth that come closest to what messages of these sizes took, by relative least squares.

    Latency and 1 / bandwidth are at least tiny: noise may want them negative.
    """
    # Σ (a / t + b s / t - 1)² is least where two linear equations in a, the latency, and b, the seconds a byte, hold.
    columns = np.array([[1 / t, size / t] for size, t in zip(sizes, seconds, strict=True)])
    (latency, per_byte), *_ = np.linalg.lstsq(columns, np.ones(len(columns)), rcond=None)
    tiny = min(seconds) / 1e3
    return Link(max(float(latency), tiny), 1 / max(float(per_byte), tiny / max(sizes)))
