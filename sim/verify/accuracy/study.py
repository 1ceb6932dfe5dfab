"""What is measured: an order of accuracy over several grids or steps, or one number against its bound."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

Table = Mapping[str, Any]
"""A case, as a table of the keys of a case file."""


@dataclass(frozen=True)
class Study:
    """The order that the errors of some cases show.

    along: what `sizes` count, cells of the first axis or steps.  case: size → the case, whose `exact` the error is
    measured by, in the norm `norm`.  quick: whether it belongs to the small sample.
    """

    family: str
    name: str
    along: Literal["space", "time"]
    order: float
    sizes: tuple[int, ...]
    case: Callable[[int], Table]
    tolerance: float = 0.1
    norm: Literal["l2", "max"] = "l2"
    quick: bool = False


@dataclass(frozen=True)
class Order:
    """What came of a study: an error for each of its sizes."""

    study: Study
    errors: tuple[float, ...]

    @property
    def h(self) -> tuple[float, ...]:
        """Spacings along the first axis, or steps, of the unit."""
        return tuple(1 / size for size in self.study.sizes)

    @property
    def observed(self) -> float:
        """The slope of log error over log h, by least squares."""
        return slope(self.h, self.errors)

    @property
    def good(self) -> bool:
        return bool(abs(self.observed - self.study.order) <= self.study.tolerance)


@dataclass(frozen=True)
class Check:
    """A number that must not exceed a bound; `measure` runs what it takes."""

    family: str
    name: str
    bound: float
    measure: Callable[[], float]
    quick: bool = False


@dataclass(frozen=True)
class CheckResult:
    """What came of a check."""

    check: Check
    measured: float

    @property
    def good(self) -> bool:
        return bool(self.measured <= self.check.bound)


@dataclass(frozen=True)
class Failed:
    """What could not be run, and why."""

    row: Study | Check
    why: str

    @property
    def good(self) -> bool:
        return False


RowResult: TypeAlias = Order | CheckResult | Failed


def slope(sizes: Sequence[float], errors: Sequence[float]) -> float:
    """NaN where an error is 0 or is not finite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        x, y = np.log(np.asarray(sizes, float)), np.log(np.asarray(errors, float))
    return float(np.polyfit(x, y, 1)[0]) if np.isfinite([*x, *y]).all() else float("nan")
