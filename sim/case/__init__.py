"""The case file: one table of it a file, each a validated model; `Case` holds them all."""

from sim.case.boundary import AxisSides, BoundaryTable, Dirichlet, Neumann, Outflow, Periodic, Radiation, Robin, Side
from sim.case.equation import EquationTable, HeatTable
from sim.case.grid import Axis, GridTable
from sim.case.numerics import NumericsTable, TimeTable
from sim.case.output import OutputTable
from sim.case.parallel import ParallelTable, ProcessGrid
from sim.case.source import FileSource, Source, Value
from sim.case.whole import Case

TAGS = frozenset(
    {"number", "formula", "file", "heat", "periodic", "dirichlet", "neumann"} | {"robin", "radiation", "outflow"}
)
"""Names of a union's members, which pydantic puts into the place of an error after the key that holds it."""

__all__ = [
    "TAGS",
    "Axis",
    "AxisSides",
    "BoundaryTable",
    "Case",
    "Dirichlet",
    "EquationTable",
    "FileSource",
    "GridTable",
    "HeatTable",
    "Neumann",
    "NumericsTable",
    "Outflow",
    "OutputTable",
    "ParallelTable",
    "Periodic",
    "ProcessGrid",
    "Radiation",
    "Robin",
    "Side",
    "Source",
    "TimeTable",
    "Value",
]
