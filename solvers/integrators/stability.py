"""How large a step may be."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

_MODES = 257
_GROWTH = 1e-14
# Times the inverse of the largest rate; smaller steps are those of a method that is not stable at all.
_SMALLEST = 1e-2
_LARGEST = 1e5


def largest_step(amplification: Callable[[np.ndarray], np.ndarray], decay: float, wave: float) -> float:
    """The largest Δt for which |R(Δt λ)| ≤ 1 for all modes; 0 where none is, infinite where nothing changes.

    Modes lie on the ellipse of central and of upwind differences, λ(θ) = -decay (1 - cos θ)/2 ± i wave sin θ,
    from the constant mode, θ = 0, to the checkerboard, θ = π.  For forward Euler that gives the classical limits
    Δt ≤ 2/decay and Δt ≤ decay/(2 wave²) (Hindmarsh, Gresho & Griffiths 1984, doi:10.1002/fld.1650040905).
    """
    largest = max(decay, wave)
    if largest == 0.0:
        return math.inf
    theta = np.linspace(0.0, math.pi, _MODES)
    modes = (-decay * (1 - np.cos(theta)) / 2 + 1j * wave * np.sin(theta)) / largest

    def stable(step: float) -> bool:
        return bool(np.all(np.abs(amplification(step * modes)) <= 1.0 + _GROWTH))

    low = _SMALLEST
    if not stable(low):
        return 0.0
    high = 2.0 * low
    while stable(high) and high < _LARGEST:
        low, high = high, 2.0 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if stable(middle) else (low, middle)
    return low / largest
