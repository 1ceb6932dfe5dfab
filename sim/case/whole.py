"""The case: everything that defines a run, validated before anything starts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import Field, PrivateAttr, model_validator

from sim.case.acting import check_acting, check_probes
from sim.case.boundary import BoundaryTable, Flows, Neumann, Outflow, Periodic, Radiation, Robin
from sim.case.checkpoint import CheckpointTable
from sim.case.ensemble import EnsembleTable
from sim.case.equation import EquationTable, PythonTable
from sim.case.forcing import RegionTable, SourceTable
from sim.case.grid import GridTable
from sim.case.members import labels_of, members_of
from sim.case.numerics import NumericsTable, TimeTable
from sim.case.output import OutputTable
from sim.case.parallel import ParallelTable
from sim.case.probes import ProbesTable
from sim.case.solver import SolverTable
from sim.case.source import FileSource, Source, check_formula
from sim.case.table import Table
from sim.case.words import Text, check_fields
from sim.topology import axis_names
from solvers.grid import Grid


class Case(Table):
    """One run, complete.  Built from TOML by `sim.casefile`, or in Python from keyword arguments.

    Raises pydantic.ValidationError (a ValueError) where anything is unknown, of the wrong type or senseless.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", description="names the run directory")
    title: Text = ""
    grid: GridTable
    equation: EquationTable
    initial: dict[str, Source] = Field(description="each field at time 0, in x, y, z")
    boundary: BoundaryTable
    time: TimeTable
    numerics: NumericsTable = NumericsTable()
    sources: list[SourceTable] = Field([], description="sources at points, which may move")
    regions: list[RegionTable] = Field([], description="operations on regions, after every step or at given times")
    probes: ProbesTable | None = None
    solver: SolverTable = SolverTable()
    output: OutputTable = OutputTable()
    checkpoint: CheckpointTable = CheckpointTable()
    exact: dict[str, str] = Field({}, description="exact solutions in x, y, z, t, for the errors in the summary")
    ensemble: EnsembleTable | None = Field(None, description="many runs as one: which keys vary, and how")
    parallel: ParallelTable = ParallelTable()

    # Where relative file names start: the folder of the case file.
    _base: Path = PrivateAttr(default_factory=Path)

    @property
    def base(self) -> Path:
        return self._base

    def based_at(self, folder: Path) -> Case:
        """The same case, its file names relative to `folder`."""
        case = self.model_copy()
        case._base = folder
        return case

    def with_absolute_files(self) -> Case:
        """The same case, to be read from anywhere."""
        table = self.model_dump(exclude_none=True)
        equation = table["equation"]
        if isinstance(self.equation, PythonTable):
            equation["folder"] = str((self.base / (self.equation.folder or "")).resolve())
        varied = [value for values in table.get("ensemble", {}).get("vary", {}).values() for value in values]
        constant = (*equation.values(), *equation.get("coefficients", {}).values())
        for source in (*table["initial"].values(), *constant, *varied):
            if isinstance(source, dict) and "file" in source and "package" not in source:
                source["file"] = str((self.base / source["file"]).resolve())
        return Case.model_validate(table)

    def integrated_by(self, name: str) -> Case:
        """The same case with another integrator."""
        return self.model_copy(update={"time": self.time.model_copy(update={"integrator": name})})

    def members(self) -> tuple[Case, ...]:
        """The members of the ensemble, each as a case of its own; () without one."""
        if self.ensemble is None:
            return ()
        table = self.model_dump(exclude_none=True, exclude={"ensemble"})
        return tuple(members_of(self.ensemble, table, lambda one: Case.model_validate(one).based_at(self.base)))

    def labels(self) -> list[dict[str, float | str]]:
        """What each member has for the keys that vary: the same for the case `with_absolute_files`."""
        return [] if self.ensemble is None else labels_of(self.ensemble, self.base)

    @property
    def ndim(self) -> int:
        return len(self.grid.axes)

    def to_grid(self) -> Grid:
        axes = self.grid.axes
        rings = tuple(isinstance(sides.lower, Periodic) for sides in self.boundary.axes)
        return Grid(tuple(a.cells for a in axes), tuple(a.lower for a in axes), tuple(a.upper for a in axes), rings)

    def process_grid(self) -> tuple[int, ...] | None:
        """Blocks along each axis in array order, or None for a free choice."""
        wanted = self.parallel.process_grid
        return None if wanted is None else tuple(getattr(wanted, name) for name in axis_names(self.ndim))

    @model_validator(mode="after")
    def _consistent(self) -> Case:
        names = axis_names(self.ndim)
        for name in ("x", "y", "z"):
            has_axis, has_sides = name in names, getattr(self.boundary, name) is not None
            if has_axis and not has_sides:
                raise ValueError(f"boundary.{name} is missing; the grid has an axis {name}")
            if has_sides and not has_axis:
                raise ValueError(f"boundary.{name} is given, but the grid has no axis {name}")
        wanted = self.parallel.process_grid
        for name in {"x", "y", "z"} - set(names):
            if wanted is not None and getattr(wanted, name) != 1:
                raise ValueError(f"parallel.process_grid.{name} cuts an axis that the grid doesn't have")
        if self.parallel.tile is not None and len(self.parallel.tile) > len(names):
            raise ValueError(f"parallel.tile has {len(self.parallel.tile)} sizes; the grid has {len(names)} axes")
        self._check_time()
        self._check_fields()
        self._check_sources(names)
        self._check_walls(names)
        axes = dict(zip(names, self.grid.axes, strict=True))
        rings = [isinstance(sides.lower, Periodic) for sides in self.boundary.axes]
        edges = {name: axes[name] for name, ring in zip(names, rings, strict=True) if not ring}
        check_acting(self.sources, self.regions, self.equation.fields, axes, edges)
        if self.probes is not None:
            of_members = ("member",) if self.ensemble is not None else ()
            check_probes(self.probes, self.equation.fields, axes, edges, ("time", "step", *of_members))
            self._check_side_probes(self.probes)
        self._check_cuts()
        self.members()
        return self

    def _check_time(self) -> None:
        resolved = 8 * float(np.finfo(self.numerics.dtype).eps)
        if self.time.tolerance is not None and self.time.tolerance < resolved:
            raise ValueError(
                f"time.tolerance = {self.time.tolerance:g} is what {self.numerics.dtype} is rounded by; give at least "
                f"{resolved:.1g}" + (', or take numerics.dtype = "float64"' if self.numerics.dtype == "float32" else "")
            )
        if self.time.steady and (self.sources or self.regions):
            raise ValueError(
                "[[sources]] and [[regions]] act after each step, and a steady state is found without any; "
                "use equation.source, or an implicit time.integrator"
            )
        if self.time.integrator == "spectral" and self.time.step is None and (self.sources or self.regions):
            raise ValueError("[[sources]] and [[regions]] act after each step: give time.step, by the accuracy wanted")

    def _check_fields(self) -> None:
        fields = self.equation.fields
        # Of an ensemble what varies, and what the step keeps of each field (`solvers.implicit.bdf2`), lie beside them.
        varied = self.ensemble.vary if self.ensemble is not None else ()
        kept = [f"{name}__before" for name in fields] if self.time.integrator == "bdf2" else []
        check_fields(fields, {*axis_names(self.ndim), *varied, *kept})
        remedy = "; equation.evolves has their names" if isinstance(self.equation, PythonTable) else ""
        for key, table in (("initial", self.initial), ("exact", self.exact)):
            for name in table:
                if name not in fields:
                    raise ValueError(f"{key}.{name} is no field of the equation, which has {', '.join(fields)}{remedy}")
        for name in self.boundary.fields:
            if name not in fields:
                raise ValueError(f"boundary.fields.{name} is no field of the equation, which has {', '.join(fields)}")
        for name in fields:
            if name not in self.initial:
                raise ValueError(f"initial.{name} is missing; the equation evolves {', '.join(fields)}")

    def _check_sources(self, names: tuple[str, ...]) -> None:
        sources = {f"initial.{name}": source for name, source in self.initial.items()}
        sources |= {f"equation.{name}": source for name, source in self.equation.given.items()}
        for key, source in sources.items():
            if isinstance(source, FileSource) and not set(source.flip) <= set(names):
                raise ValueError(f"{key}.flip names an axis that the grid doesn't have")
            check_formula(key, source, names)
        self.equation.check(names)
        for name, formula in self.exact.items():
            check_formula(f"exact.{name}", formula, (*names, "t"))

    def _check_walls(self, names: tuple[str, ...]) -> None:
        for field in self.equation.fields:
            for name, axis, sides in zip(names, self.grid.axes, self.boundary.of(field), strict=True):
                origin = self.boundary.origin(field, name)
                for key, side in (("lower", sides.lower), ("upper", sides.upper)):
                    if isinstance(side, Outflow) and axis.cells < 2:
                        raise ValueError(
                            f"{origin}.{key} = outflow goes on from the two nearest cells, and grid.{name}.cells is "
                            f"{axis.cells}; use neumann, or two cells"
                        )
                    for quantity, value in side:
                        if quantity != "kind":
                            check_formula(f"{origin}.{key}.{quantity}", value, (*names, "t"))
                    flows = isinstance(side, Robin | Radiation) or (isinstance(side, Neumann) and side.flux != 0)
                    if flows and self.equation.wall_conductivity == 0:
                        raise ValueError(
                            f"{origin}.{key}: a flux through a wall needs a diffusivity that is known there; "
                            f"{self.equation.why_no_wall_conductivity}"
                        )

    def _check_side_probes(self, probes: ProbesTable) -> None:
        for name, probe in probes.sides.items():
            axis, key = probe.side.split(".")
            side = getattr(getattr(self.boundary, axis), key)
            if probe.measure == "flux" and self.equation.turns and not isinstance(side, Flows):
                raise ValueError(
                    f"probes.sides.{name}: the flux of a full tensor is measured at neumann, robin and radiation sides"
                )

    def _check_cuts(self) -> None:
        cuts = {"output": self.output, **{f"output.extra.{name}": cut for name, cut in self.output.extra.items()}}
        for key, cut in cuts.items():
            try:
                cut.hyperslab(self.to_grid())
            except ValueError as error:
                raise ValueError(f"{key} {error}") from None
