"""Implicit Runge–Kutta methods as data."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class ImplicitTableau:
    """Stage i at time t + cᵢ Δt: uᵢ = u + Δt Σ_{j≤i} aᵢⱼ F(uⱼ), and the last stage is the next state.

    Stage 0 is u, its row a zero; all others have an aᵢᵢ.  With `explicit` rows too (implicit-explicit methods), a is
    for the stiff part of F, they are for the rest, j < i.
    """

    name: str
    order: int
    implicit: Rows
    explicit: Rows = field(default=())

    @property
    def stages(self) -> int:
        return len(self.implicit)

    @property
    def parts(self) -> list[list[list[float]]]:
        """The matrices of the implicit part and, where there is one, of the explicit part: [stages, stages]."""
        return [
            [[*row, *(0.0 for _ in range(self.stages - len(row)))] for row in rows]
            for rows in (self.implicit, self.explicit)
            if rows
        ]

    @property
    def keeps_rates(self) -> bool:
        """Whether any stage needs those of earlier ones."""
        return any(row[j] != 0.0 for rows in self.parts for i, row in enumerate(rows) for j in range(i))

    @property
    def times(self) -> tuple[float, ...]:
        return tuple(math.fsum(row) for row in self.implicit)


BACKWARD_EULER = ImplicitTableau("backward-euler", 1, ((0.0,), (0.0, 1.0)))

CRANK_NICOLSON = ImplicitTableau("crank-nicolson", 2, ((0.0,), (0.5, 0.5)))
"""Second order; stiff modes oscillate as they decay.  Crank & Nicolson, doi:10.1017/S0305004100023197."""

_G = 2.0 - math.sqrt(2.0)
_W = math.sqrt(2.0) / 4.0

TR_BDF2 = ImplicitTableau("tr-bdf2", 2, ((0.0,), (0.5 * _G, 0.5 * _G), (_W, _W, 0.5 * _G)))
"""Second order, stiff modes decay at once.  Hosea & Shampine, doi:10.1016/0168-9274(95)00115-8."""

IMEX_EULER = ImplicitTableau("imex-euler", 1, ((0.0,), (0.0, 1.0)), ((), (1.0,)))

_GAMMA = 1.0 - 1.0 / math.sqrt(2.0)
_DELTA = 1.0 - 1.0 / (2.0 * _GAMMA)

ARS_222 = ImplicitTableau(
    "imex-ars222",
    2,
    ((0.0,), (0.0, _GAMMA), (0.0, 1.0 - _GAMMA, _GAMMA)),
    ((), (_GAMMA,), (_DELTA, 1.0 - _DELTA)),
)
"""Second order.  Ascher, Ruuth & Spiteri, section 2.6, doi:10.1016/S0168-9274(97)00056-1."""

TABLEAUX = {tableau.name: tableau for tableau in (BACKWARD_EULER, CRANK_NICOLSON, TR_BDF2, IMEX_EULER, ARS_222)}
