"""The case: everything that defines a run, validated before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, PrivateAttr, Tag, model_validator

from sim.expression import Formula
from sim.topology import axis_names
from solvers.grid import Grid

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Table(BaseModel):
    """A table of the case file: no unknown keys, no silent conversions, never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Axis(Table):
    cells: int = Field(ge=1, le=2**31 - 1, description="number of cells")
    lower: Finite = Field(0.0, description="coordinate of the lower edge")
    upper: Finite = Field(1.0, description="coordinate of the upper edge")

    @model_validator(mode="after")
    def _ordered(self) -> Axis:
        if not self.upper > self.lower:
            raise ValueError(f"upper must lie above lower; got [{self.lower}, {self.upper}]")
        # Its square and its inverse must be numbers too.
        if not 1e-100 < self.upper / self.cells - self.lower / self.cells < 1e100:
            raise ValueError(f"cells must be between 1e-100 and 1e100 wide; got [{self.lower}, {self.upper}]")
        return self


class GridTable(Table):
    x: Axis
    y: Axis | None = None
    z: Axis | None = None

    @model_validator(mode="after")
    def _no_gap(self) -> GridTable:
        if self.z is not None and self.y is None:
            raise ValueError("an axis z needs an axis y")
        return self

    @property
    def axes(self) -> tuple[Axis, ...]:
        """In array order, x last."""
        return tuple(axis for axis in (self.z, self.y, self.x) if axis is not None)


class FileSource(Table):
    """A field read from a file of the grid's shape."""

    file: str = Field(min_length=1, description=".npy, .npz or HDF5, relative to the case file")
    dataset: str | None = Field(None, description="array of an .npz, or dataset of an HDF5 file")
    package: str | None = Field(None, description="installed Python package in whose folder the file lies")
    flip: list[Literal["x", "y", "z"]] = Field([], description="axes that the file stores from the upper edge down")


def _source_tag(value: Any) -> str:
    return "file" if isinstance(value, (dict, FileSource)) else "formula" if isinstance(value, str) else "number"


Source: TypeAlias = Annotated[
    Annotated[Finite, Tag("number")] | Annotated[str, Tag("formula")] | Annotated[FileSource, Tag("file")],
    Discriminator(_source_tag),
]
"""A number, a formula in the coordinates, or a field in a file."""


class Periodic(Table):
    kind: Literal["periodic"] = "periodic"


class Dirichlet(Table):
    kind: Literal["dirichlet"] = "dirichlet"
    value: Finite = Field(0.0, description="u at the wall")


class Neumann(Table):
    kind: Literal["neumann"] = "neumann"
    flux: Finite = Field(0.0, description="α ∂u/∂n, what flows in through the wall per area and time")


Side: TypeAlias = Annotated[Periodic | Dirichlet | Neumann, Field(discriminator="kind")]


class AxisSides(Table):
    lower: Side
    upper: Side

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, value: Any) -> Any:
        """`"periodic"` or one table stands for both sides; a name alone stands for its defaults."""
        if isinstance(value, str) or (isinstance(value, dict) and "kind" in value):
            value = {"lower": value, "upper": value}
        if isinstance(value, dict):
            return {key: {"kind": side} if isinstance(side, str) else side for key, side in value.items()}
        return value

    @model_validator(mode="after")
    def _both_periodic(self) -> AxisSides:
        if isinstance(self.lower, Periodic) != isinstance(self.upper, Periodic):
            raise ValueError("an axis is periodic on both sides or on none")
        return self


class BoundaryTable(Table):
    x: AxisSides
    y: AxisSides | None = None
    z: AxisSides | None = None

    @property
    def axes(self) -> tuple[AxisSides, ...]:
        """In array order, x last."""
        return tuple(sides for sides in (self.z, self.y, self.x) if sides is not None)


class HeatTable(Table):
    kind: Literal["heat"] = "heat"
    alpha: Finite = Field(ge=0, le=1e100, description="diffusivity α, length²/time, constant")
    source: Source = Field(0.0, description="q(x, y, z), u/time")


class InitialTable(Table):
    u: Source = Field(description="u(x, y, z) at time 0")


class ExactTable(Table):
    u: str = Field(description="exact solution u(x, y, z, t), for the error in the summary")


class TimeTable(Table):
    end: Finite = Field(ge=0, description="the run ends exactly here")
    step: Positive | None = Field(None, description="time step; by default the stable one times safety")
    safety: float = Field(0.9, gt=0, le=1, description="fraction of the stable step")
    integrator: Literal["euler"] = Field("euler", description="forward Euler (FTCS)")


class NumericsTable(Table):
    dtype: Literal["float32", "float64"] = "float32"
    stencil: Literal["auto", "conv", "slices"] = Field("auto", description="how the stencil is applied")


class OutputTable(Table):
    every: Positive | None = Field(None, description="time between snapshots; by default start and end only")
    long_name: str = Field("u", description="what the field is, for plots")
    units: str = Field("1", description="unit of the field")
    length_units: str = Field("1", description="unit of the coordinates")
    time_units: str = Field("1", description="unit of time")


class ProcessGrid(Table):
    x: int = Field(1, ge=1)
    y: int = Field(1, ge=1)
    z: int = Field(1, ge=1)


class ParallelTable(Table):
    """Where the run runs.  Nothing here changes a bit of the result."""

    transport: Literal["auto", "serial", "xla", "mpi", "hybrid", "virtual", "auto-sharded"] = Field(
        "auto", description="how blocks reach each other"
    )
    halo: Literal["ppermute", "psum"] = Field("ppermute", description="XLA's collective that moves halos")
    ghost_depth: int | None = Field(None, ge=1, le=1024, description="steps an exchange; by default measured")
    slab: int | None = Field(
        None, ge=0, description="layers of cells stepped together in cache, 0: all; by default measured"
    )
    devices: int | None = Field(None, ge=1, le=4096, description="devices of each process (virtual ones on CPU)")
    blocks: int | None = Field(None, ge=1, le=4096, description="virtual ranks of the transport virtual")
    process_grid: ProcessGrid | None = Field(None, description="blocks along each axis; by default least surface")
    watchdog: float = Field(
        1800.0, ge=0, allow_inf_nan=False, description="seconds without progress that end the run; 0: never"
    )


class Case(Table):
    """One run, complete.  Built from TOML by `sim.casefile`, or in Python from keyword arguments.

    Raises pydantic.ValidationError (a ValueError) where anything is unknown, of the wrong type or senseless.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", description="names the run directory")
    title: str = ""
    grid: GridTable
    equation: HeatTable
    initial: InitialTable
    boundary: BoundaryTable
    time: TimeTable
    numerics: NumericsTable = NumericsTable()
    output: OutputTable = OutputTable()
    exact: ExactTable | None = None
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
        for source in (table["initial"]["u"], table["equation"]["source"]):
            if isinstance(source, dict) and "package" not in source:
                source["file"] = str((self.base / source["file"]).resolve())
        return Case.model_validate(table)

    @property
    def ndim(self) -> int:
        return len(self.grid.axes)

    def to_grid(self) -> Grid:
        axes = self.grid.axes
        return Grid(tuple(a.cells for a in axes), tuple(a.lower for a in axes), tuple(a.upper for a in axes))

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
        self._check_sources(names)
        self._check_fluxes()
        return self

    def _check_sources(self, names: tuple[str, ...]) -> None:
        for key, source in (("initial.u", self.initial.u), ("equation.source", self.equation.source)):
            if isinstance(source, FileSource) and not set(source.flip) <= set(names):
                raise ValueError(f"{key}.flip names an axis that the grid doesn't have")
            _check_formula(key, source, names)
        if self.exact is not None:
            _check_formula("exact.u", self.exact.u, (*names, "t"))

    def _check_fluxes(self) -> None:
        sides = [side for axis in self.boundary.axes for side in (axis.lower, axis.upper)]
        if self.equation.alpha == 0 and any(isinstance(s, Neumann) and s.flux != 0 for s in sides):
            raise ValueError("a flux through a wall needs a diffusivity; equation.alpha is 0")


def _check_formula(key: str, source: object, names: tuple[str, ...]) -> None:
    if isinstance(source, str):
        try:
            Formula.parse(source, names)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None
