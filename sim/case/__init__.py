"""The case file: one table of it a file, each a validated model; `Case` holds them all."""

from sim.case.boundary import AxisSides, BoundaryTable, Dirichlet, Neumann, Outflow, Periodic, Radiation, Robin, Side
from sim.case.checkpoint import CheckpointTable
from sim.case.ensemble import Distribution, EnsembleTable
from sim.case.equation import EquationTable, HeatTable, WrittenTable
from sim.case.forcing import RegionTable, SourceTable
from sim.case.grid import AxisTable, GridTable
from sim.case.numerics import NumericsTable, TimeTable
from sim.case.output import Cut, ExtraOutput, FieldOutput, OutputTable
from sim.case.parallel import ParallelTable, ProcessGrid
from sim.case.probes import ProbesTable, SideProbe
from sim.case.region import Placed, Point
from sim.case.solver import SolverTable
from sim.case.source import FileSource, Source, Value
from sim.case.whole import Case

__all__ = [
    "AxisSides",
    "AxisTable",
    "BoundaryTable",
    "Case",
    "CheckpointTable",
    "Cut",
    "Dirichlet",
    "Distribution",
    "EnsembleTable",
    "EquationTable",
    "ExtraOutput",
    "FieldOutput",
    "FileSource",
    "GridTable",
    "HeatTable",
    "Neumann",
    "NumericsTable",
    "Outflow",
    "OutputTable",
    "ParallelTable",
    "Periodic",
    "Placed",
    "Point",
    "ProbesTable",
    "ProcessGrid",
    "Radiation",
    "RegionTable",
    "Robin",
    "Side",
    "SideProbe",
    "SolverTable",
    "Source",
    "SourceTable",
    "TimeTable",
    "Value",
    "WrittenTable",
]
