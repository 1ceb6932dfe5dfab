"""Gradients: the time loop backwards."""

from solvers.adjoint.backwards import Backwards
from solvers.adjoint.total import Density, Total

__all__ = ["Backwards", "Density", "Total"]
