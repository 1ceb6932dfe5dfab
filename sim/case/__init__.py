"""The case file: one table of it a file, each a validated model; `Case` holds them all."""

from sim.case.boundary import AxisSides, BoundaryTable, Dirichlet, Neumann, Periodic, Side
from sim.case.equation import ExactTable, HeatTable, InitialTable
from sim.case.grid import Axis, GridTable
from sim.case.numerics import NumericsTable, TimeTable
from sim.case.output import OutputTable
from sim.case.parallel import ParallelTable, ProcessGrid
from sim.case.source import FileSource, Source
from sim.case.whole import Case

__all__ = [
    "Axis",
    "AxisSides",
    "BoundaryTable",
    "Case",
    "Dirichlet",
    "ExactTable",
    "FileSource",
    "GridTable",
    "HeatTable",
    "InitialTable",
    "Neumann",
    "NumericsTable",
    "OutputTable",
    "ParallelTable",
    "Periodic",
    "ProcessGrid",
    "Side",
    "Source",
    "TimeTable",
]
