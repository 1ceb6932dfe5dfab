"""Numbers that a type of floats does not hold."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sim.errors import SimError


def check_number(key: str, number: float, dtype: npt.DTypeLike) -> None:
    """Raise SimError where a number is infinite in a type, or 0 there though it is not."""
    with np.errstate(over="ignore"):
        if not np.isfinite(np.asarray(number, dtype)):
            raise SimError(f"{key} is {number:g}; every value must be finite in {np.dtype(dtype)}")
    check_largest(f"{key} is {number:g}", abs(number), dtype)


def check_largest(what: str, largest: float, dtype: npt.DTypeLike) -> None:
    """Raise SimError, with the words of `what` it is, where the largest of some magnitudes is 0 in a type though it is
    not: none of them is left.  Numbers below the normal ones count as 0: XLA takes them so on CPUs."""
    if 0.0 < largest < np.finfo(dtype).smallest_normal:
        wider = ', or numerics.dtype = "float64"' if np.dtype(dtype) == np.float32 else ""
        raise SimError(f"{what}, which is 0 in {np.dtype(dtype)}; use units in which it is larger{wider}")
