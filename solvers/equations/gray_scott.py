"""The Gray–Scott model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from solvers.equations.reaction import ReactionDiffusion
from solvers.fields import Fields
from solvers.rounding import Rounding


@dataclass(frozen=True)
class GrayScott(ReactionDiffusion):
    """∂u/∂t = D_u∇²u - uv² + F(1 - u), ∂v/∂t = D_v∇²v + uv² - (F + k)v.

    Coefficients, scalars: `diffusivity_u`, `diffusivity_v`, `feed` F, `kill` k.
    Pearson, Complex patterns in a simple system (doi:10.1126/science.261.5118.189).
    """

    @property
    def diffusivities(self) -> Mapping[str, str]:
        return {"u": "diffusivity_u", "v": "diffusivity_v"}

    def reaction(self, fields: Fields, coefficients: Fields, rounded: Rounding) -> Fields:
        u, v, feed, kill = fields["u"], fields["v"], coefficients["feed"], coefficients["kill"]
        turned = rounded(u * v * v)
        return {"u": rounded(feed * (1 - u)) - turned, "v": turned - rounded((feed + kill) * v)}
