"""What right-hand sides are made of: small terms that compose, with their widths and their stability bounds."""

from solvers.terms.differences import Difference, DivergenceOfFlux
from solvers.terms.leaves import Constant, Coordinate, Given, InDouble, Time
from solvers.terms.pointwise import Pointwise, Sum
from solvers.terms.symbol import Linearised, Symbol
from solvers.terms.term import Term

__all__ = [
    "Constant",
    "Coordinate",
    "Difference",
    "DivergenceOfFlux",
    "Given",
    "InDouble",
    "Linearised",
    "Pointwise",
    "Sum",
    "Symbol",
    "Term",
    "Time",
]
