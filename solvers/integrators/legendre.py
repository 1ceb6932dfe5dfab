"""Super-time-stepping: Runge–Kutta–Legendre schemes, whose stable step grows with the square of their stages.

Meyer, Balsara & Aslam 2014, A stabilized Runge–Kutta–Legendre method for explicit super-time-stepping of parabolic
and mixed equations (doi:10.1016/j.jcp.2013.08.021); the equations' numbers below are that paper's.
"""

from __future__ import annotations

import math

from solvers.integrators.scheme import Row, Scheme

FEWEST, MOST = 3, 201


def rkl1(stages: int) -> Scheme:
    """First order; stable up to (s² + s)/2 times forward Euler's step (eq. 10)."""
    _check(stages)
    scale = 2.0 / (stages**2 + stages)
    rows = [Row(now=1.0, rate=scale)]
    for j in range(2, stages + 1):
        mu, nu = (2 * j - 1) / j, (1 - j) / j
        rows.append(Row(now=mu, before=nu, rate=mu * scale))
    return Scheme(f"rkl1, {stages} stages", 1, tuple(rows))


def rkl2(stages: int) -> Scheme:
    """Second order; stable up to (s² + s - 2)/4 times forward Euler's step (eqs. 16 to 18)."""
    _check(stages)
    b = [1 / 3, 1 / 3] + [(j**2 + j - 2) / (2 * j * (j + 1)) for j in range(2, stages + 1)]
    scale = 4.0 / (stages**2 + stages - 2)
    rows = [Row(now=1.0, rate=b[1] * scale)]
    for j in range(2, stages + 1):
        mu, nu = (2 * j - 1) / j * b[j] / b[j - 1], -(j - 1) / j * b[j] / b[j - 2]
        rate = mu * scale
        rows.append(Row(now=mu, before=nu, start=1.0 - mu - nu, rate=rate, first=-(1.0 - b[j - 1]) * rate))
    return Scheme(f"rkl2, {stages} stages", 2, tuple(rows))


def stages_for(order: int, ratio: float) -> int:
    """The fewest stages, an odd number, whose stable step is `ratio` times forward Euler's.

    Odd, since a chain of odd length damps the fastest modes more (section 3.2).
    """
    exact = (math.sqrt(1.0 + 8.0 * ratio) - 1.0) / 2.0 if order == 1 else (math.sqrt(9.0 + 16.0 * ratio) - 1.0) / 2.0
    # A ratio that fits but for rounding fits.
    stages = max(FEWEST, math.ceil(exact * (1.0 - 1e-12)))
    return stages + (stages + 1) % 2


def _check(stages: int) -> None:
    if not FEWEST <= stages <= MOST:
        raise ValueError(f"a Runge-Kutta-Legendre scheme has {FEWEST} to {MOST} stages; got {stages}")
