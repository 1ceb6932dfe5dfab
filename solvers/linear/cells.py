"""The cells of one level of a multigrid: plain numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

# Axes are merged together as long as none is coupled twice as strongly (1 / width²) as another.
_ALIKE = math.sqrt(2.0)


@dataclass(frozen=True)
class Cells:
    """`shape` cells of `width`, in array order; where an odd number was merged, the last one is smaller.

    fine     |--o--|--o--|--o--|--o--|--o--|
    coarse   |-----o-----|-----o-----|--o--|
    """

    shape: tuple[int, ...]
    width: tuple[float, ...]

    @property
    def count(self) -> int:
        return math.prod(self.shape)

    @property
    def merged(self) -> tuple[int, ...]:
        """The axes along which the next level merges cells: those of the strongest coupling.

        Where one spacing is much smaller than another only its axis is merged (semi-coarsening), since a pointwise
        smoother leaves the error rough along the others.  Empty for a single cell.
        """
        several = [axis for axis, n in enumerate(self.shape) if n > 1]
        least = min((self.width[axis] for axis in several), default=0.0)
        return tuple(axis for axis in several if self.width[axis] <= _ALIKE * least)

    @property
    def even(self) -> bool:
        """Whether the next level's cells are as alike as this one's."""
        return all(self.shape[axis] % 2 == 0 for axis in self.merged)

    @property
    def share(self) -> float:
        """The smallest eigenvalue of D⁻¹A, D its diagonal, on errors that the next level can't see."""
        coupling = {axis: self.width[axis] ** -2.0 for axis, n in enumerate(self.shape) if n > 1}
        return min(coupling[axis] for axis in self.merged) / sum(coupling.values())

    def coarse(self) -> Cells:
        shape = tuple((n + 1) // 2 if axis in self.merged else n for axis, n in enumerate(self.shape))
        width = tuple(2.0 * h if axis in self.merged else h for axis, h in enumerate(self.width))
        return Cells(shape, width)
