"""What acts on the fields beside the equation: point sources, and operations on regions."""

from solvers.forcing.action import OPERATIONS, Action, Operation
from solvers.forcing.forced import Forced, Forcing, acted_on
from solvers.forcing.point import PointSource
from solvers.forcing.region import Ball, Box, Mask, Region

__all__ = [
    "OPERATIONS",
    "Action",
    "Ball",
    "Box",
    "Forced",
    "Forcing",
    "Mask",
    "Operation",
    "PointSource",
    "Region",
    "acted_on",
]
