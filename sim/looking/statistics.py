"""min, max and mean of a field, of all its cells or of those of a sample."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Statistics:
    """Over the finite values; NaN where there is none."""

    min: float
    max: float
    mean: float


def statistics_of(parts: Iterable[np.ndarray]) -> Statistics:
    """Of all values of all parts, summed in float64: for the eye; a run's own record has the exact mean."""
    low, high, total, count = math.inf, -math.inf, 0.0, 0
    for part in parts:
        finite = part[np.isfinite(part)]
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
            with np.errstate(over="ignore"):
                total += float(finite.sum(dtype=np.float64))
            count += finite.size
    return Statistics(low, high, total / count) if count else Statistics(math.nan, math.nan, math.nan)
