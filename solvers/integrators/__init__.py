"""Methods are data where they can be; a step is a method applied to an equation."""

from solvers.integrators.euler import Euler
from solvers.integrators.explicit import Explicit
from solvers.integrators.legendre import rkl1, rkl2, stages_for
from solvers.integrators.scheme import BOGACKI_SHAMPINE, HEUN, RK4, SSPRK3, Row, Scheme
from solvers.integrators.step import Step
from solvers.integrators.verlet import Verlet

__all__ = [
    "BOGACKI_SHAMPINE",
    "HEUN",
    "RK4",
    "SSPRK3",
    "Euler",
    "Explicit",
    "Row",
    "Scheme",
    "Step",
    "Verlet",
    "rkl1",
    "rkl2",
    "stages_for",
]
