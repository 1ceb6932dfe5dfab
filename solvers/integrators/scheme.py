"""Explicit one-step methods as data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np


class Row(NamedTuple):
    """How one stage makes the next fields from what is known, f being the tendency:

    next = start·u⁰ + now·u + before·u⁻ + rate·Δt f(u) + first·Δt f(u⁰)

    u⁰ is the step's first state, u the present one, u⁻ the one before it.
    """

    now: float = 0.0
    rate: float = 0.0
    start: float = 0.0
    before: float = 0.0
    first: float = 0.0


@dataclass(frozen=True)
class Scheme:
    """A name, the order of accuracy, and a row a stage.

    `error`, where there is an embedded scheme of one order less: what the two differ by, as a row of one more stage,
    `now` being what the step leads to.
    """

    name: str
    order: int
    rows: tuple[Row, ...]
    error: Row | None = None

    def uses(self, column: str) -> bool:
        return any(getattr(row, column) != 0.0 for row in self.rows)

    @cached_property
    def times(self) -> tuple[float, ...]:
        """When within the step, from 0 to 1, each stage starts: where u' = 1 has got to."""
        return tuple(float(u) for u in self._run(np.ones_like, np.zeros(()))[:-1])

    def amplification(self, z: np.ndarray) -> np.ndarray:
        """R(z): the factor by which a step of u' = λu multiplies u, z = λΔt, complex."""
        return self._run(lambda u: z * u, np.ones_like(z))[-1]

    def _run(self, f: Callable[[np.ndarray], np.ndarray], start: np.ndarray) -> list[np.ndarray]:
        """The states of one step of u' = f(u) with Δt = 1, the first and the last included."""
        states, first = [start], f(start)
        before = start
        for row in self.rows:
            now = states[-1]
            rate = f(now)
            found = row.start * start + row.now * now + row.before * before
            states.append(found + row.rate * rate + row.first * first)
            before = now
        return states


HEUN = Scheme("heun", 2, (Row(now=1, rate=1), Row(start=1 / 2, now=1 / 2, rate=1 / 2)))
"""Strong stability preserving of second order: Shu & Osher 1988 (doi:10.1016/0021-9991(88)90177-5)."""

SSPRK3 = Scheme(
    "ssprk3", 3, (Row(now=1, rate=1), Row(start=3 / 4, now=1 / 4, rate=1 / 4), Row(start=1 / 3, now=2 / 3, rate=2 / 3))
)
"""The same of third order, from the same paper: where Euler makes no new extrema, neither does this."""

RK4 = Scheme(
    "rk4",
    4,
    (
        Row(now=1, rate=1 / 2),
        Row(start=1, rate=1 / 2),
        Row(start=1, rate=1),
        Row(now=1 / 3, before=2 / 3, first=1 / 6, rate=1 / 6),
    ),
)
"""Kutta 1901; Hairer, Nørsett & Wanner, Solving Ordinary Differential Equations I (doi:10.1007/978-3-540-78862-1).

Its sum of four rates is written as what the states before make of it, u³ = u⁰ + Δt f(u²) and so on.
"""

BOGACKI_SHAMPINE = Scheme(
    "bs23",
    3,
    (
        Row(now=1, rate=1 / 2),
        Row(start=1, rate=3 / 4),
        Row(start=1 / 9, before=4 / 9, now=4 / 9, rate=4 / 9),
    ),
    Row(now=1 / 4, start=-1 / 4, first=-1 / 8, rate=-1 / 8),
)
"""With a scheme of second order in it: Bogacki & Shampine 1989 (doi:10.1016/0893-9659(89)90079-7).

Their tableau is written in the states that it leads through, Δt k¹ = 2 (u¹ - u⁰) and Δt k² = 4/3 (u² - u⁰), so that
of their error, Δt (-5/72 k¹ + 1/12 k² + 1/9 k³ - 1/8 k⁴), there is (u³ - u⁰)/4 - Δt (k¹ + k⁴)/8.
"""
