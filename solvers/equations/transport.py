"""What is carried along and diffuses."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from solvers.block import core
from solvers.equations.equation import Diffusion, Equation
from solvers.fields import Fields
from solvers.patch import Patch
from solvers.reconstruction import FaceFlux, FluxScheme, balance, width_of
from solvers.stencil import Stencil


@dataclass(frozen=True)
class Transport(Equation):
    """∂u/∂t + Σ_axis ∂F_axis/∂x_axis = D∇²u, in flux form: what leaves one cell arrives in the next.

    F at a face follows from the states on both sides of it, which `scheme` takes from the cells.
    """

    laplacian: Stencil
    scheme: FluxScheme = "limited"

    fields = ("u",)

    @property
    @abstractmethod
    def diffusivity(self) -> str:
        """Name of the coefficient, a scalar, that is D [length²/time]."""

    @abstractmethod
    def flux(self, patch: Patch, axis: int) -> FaceFlux:
        """F along an axis, at the faces of the cells that have `width` neighbours."""

    @property
    def width(self) -> int:
        return max(self.laplacian.width, width_of(self.scheme))

    def tendency(self, patch: Patch) -> Fields:
        u, rounded = patch.fields["u"], patch.rounded
        rate = rounded(self.stiff(patch)["u"])
        for axis, h in enumerate(patch.grid.spacing):
            rate = rate + rounded(balance(u, axis, self.width, h, self.scheme, rounded, self.flux(patch, axis)))
        return {"u": rate}

    def stiff(self, patch: Patch) -> Fields:
        """The diffusion; transport is taken explicitly."""
        u = core(patch.fields["u"], self.width - self.laplacian.width)
        return {"u": patch.coefficients[self.diffusivity] * self.laplacian(u, patch.rounded)}

    def diffusion(self, patch: Patch) -> dict[str, Diffusion]:
        return {"u": Diffusion(patch.coefficients[self.diffusivity], "arithmetic")}
