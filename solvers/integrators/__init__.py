"""One file a method: how a tendency becomes a step."""

from solvers.integrators.euler import Euler
from solvers.integrators.step import Step

__all__ = ["Euler", "Step"]
