"""From values to colours: one scale for all pictures that are to be compared."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

# Both are perceptually uniform, or nearly so; the second one is light where the field changes its sign.
_SEQUENTIAL, _DIVERGING = "viridis", "RdBu_r"
# A field whose lesser side is smaller than this much of the greater one merely touches zero.
_SIGNED = 0.05


@dataclass(frozen=True)
class Scale:
    low: float
    high: float

    @property
    def is_signed(self) -> bool:
        return min(-self.low, self.high) > _SIGNED * max(-self.low, self.high) > 0

    @property
    def colours(self) -> str:
        return _DIVERGING if self.is_signed else _SEQUENTIAL

    @property
    def limits(self) -> tuple[float, float]:
        """What the ends of the colours stand for: symmetric for a signed field, and never the same."""
        low, high = self.low, self.high
        if self.is_signed:
            high = max(-low, high)
            low = -high
        # Differences in the last digits alone would be drawn as if they meant something.
        least = 1e-6 * max(abs(low), abs(high)) or 1e-6
        if high - low < least:
            middle = low / 2 + high / 2
            low, high = middle - least, middle + least
        return low, high


def scale_over(values: Iterable[np.ndarray]) -> Scale:
    """From the least to the greatest finite value of all; [0, 1] where there is none."""
    low, high = math.inf, -math.inf
    for part in values:
        finite = part[np.isfinite(part)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    # Matplotlib takes differences of limits, which must be numbers too.
    return Scale(max(low, -1e300), min(high, 1e300)) if low <= high else Scale(0.0, 1.0)
