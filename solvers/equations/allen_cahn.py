"""The Allen–Cahn equation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from solvers.equations.reaction import ReactionDiffusion
from solvers.fields import Fields
from solvers.rounding import Rounding


@dataclass(frozen=True)
class AllenCahn(ReactionDiffusion):
    """∂u/∂t = D∇²u + r(u - u³): phases u = ±1, walls between them √(2D/r) wide, which shrink by their curvature.

    Coefficients, scalars: `diffusivity` D [length²/time], `rate` r [1/time].
    Allen & Cahn, A microscopic theory for antiphase boundary motion (doi:10.1016/0001-6160(79)90196-2).
    """

    @property
    def diffusivities(self) -> Mapping[str, str]:
        return {"u": "diffusivity"}

    def reaction(self, fields: Fields, coefficients: Fields, rounded: Rounding) -> Fields:
        u = fields["u"]
        return {"u": rounded(coefficients["rate"] * (u - rounded(u * u * u)))}
