"""One file an equation: a frozen dataclass with a pure tendency."""

from solvers.equations.equation import Equation, Rates
from solvers.equations.heat import Heat

__all__ = ["Equation", "Heat", "Rates"]
