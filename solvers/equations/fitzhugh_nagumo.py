"""The FitzHugh–Nagumo model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from solvers.equations.reaction import ReactionDiffusion
from solvers.fields import Fields
from solvers.rounding import Rounding


@dataclass(frozen=True)
class FitzHughNagumo(ReactionDiffusion):
    """∂u/∂t = D_u∇²u + u - u³/3 - v + I, ∂v/∂t = D_v∇²v + ε(u + β - γv).

    Coefficients, scalars: `diffusivity_u`, `diffusivity_v`, `current` I, `epsilon` ε, `beta` β, `gamma` γ.
    FitzHugh, Impulses and physiological states in theoretical models of nerve membrane
    (doi:10.1016/S0006-3495(61)86902-6).
    """

    @property
    def diffusivities(self) -> Mapping[str, str]:
        return {"u": "diffusivity_u", "v": "diffusivity_v"}

    def reaction(self, fields: Fields, coefficients: Fields, rounded: Rounding) -> Fields:
        (u, v), c = (fields["u"], fields["v"]), coefficients
        third = rounded(u * u * u * (1.0 / 3.0))
        recovery = u + c["beta"] - rounded(c["gamma"] * v)
        return {"u": u - third - v + c["current"], "v": rounded(c["epsilon"] * recovery)}
