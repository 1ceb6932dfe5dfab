"""From the table of an equation to the equation."""

from __future__ import annotations

from collections.abc import Sequence
from types import UnionType

from sim.case import AxisSides, Case
from sim.case import equation as tables
from sim.case.boundary import Dirichlet, Flows, Radiation, Robin
from sim.equations.conduction import anisotropic, conduction, heat
from sim.equations.model import Coefficient, Model
from sim.equations.python import imported
from sim.equations.translation import Discretisation
from sim.equations.written import written
from sim.topology import axis_names
from solvers import equations
from solvers.fluxes import GivenSides
from solvers.operators import Mean, laplacian
from solvers.stencil import Stencil


def model_of(case: Case) -> Model:
    """Raises SimError for what can be seen only now."""
    table, grid, axes = case.equation, case.to_grid(), axis_names(case.ndim)
    form = None if case.numerics.stencil == "auto" else case.numerics.stencil
    mean: Mean = getattr(table, "mean", "arithmetic")
    given = {name: _sides(Flows, case.boundary.of(name)) for name in table.fields}
    discretisation = Discretisation(grid.spacing, case.numerics.order, form, mean, given, case.numerics.dtype)
    match table:
        case tables.HeatTable():
            return heat(table, axes, discretisation)
        case tables.ConductionTable():
            return conduction(table, axes, discretisation)
        case tables.AnisotropicTable():
            walls = [side for sides in case.boundary.of("u") for side in (sides.lower, sides.upper)]
            exchanges = any(isinstance(side, Robin | Radiation) for side in walls)
            held = _sides(Dirichlet, case.boundary.of("u"))
            return anisotropic(table, axes, discretisation, held, exchanges)
        case tables.WrittenTable():
            return written(table, axes, discretisation)
        case tables.PythonTable():
            return imported(table, case)
    return _built_in(table, axes, discretisation.stencil(laplacian(grid.spacing, case.numerics.order)))


def _sides(kind: type | UnionType, walls: Sequence[AxisSides]) -> GivenSides:
    """Which of them are of a kind."""
    return tuple((isinstance(sides.lower, kind), isinstance(sides.upper, kind)) for sides in walls)


def _built_in(table: tables.StatedEquation, axes: tuple[str, ...], lap: Stencil) -> Model:
    match table:
        case tables.AdvectionDiffusionTable():
            velocity = {axis: getattr(table.velocity, axis) for axis in axes}
            speeds = {f"velocity_{i}": Coefficient(velocity[axis], goes_on=True) for i, axis in enumerate(axes)}
            equation = equations.AdvectionDiffusion(lap, table.scheme)
            return Model(equation, {"alpha": Coefficient(table.alpha), **speeds})
        case tables.BurgersTable():
            return Model(equations.Burgers(lap, table.scheme), _named(table, "viscosity"))
        case tables.WaveTable():
            return Model(equations.Wave(lap), _named(table, "speed", "damping"))
        case tables.GrayScottTable():
            return Model(equations.GrayScott(lap), _named(table, "diffusivity_u", "diffusivity_v", "feed", "kill"))
        case tables.FitzHughNagumoTable():
            names = ("diffusivity_u", "diffusivity_v", "current", "epsilon", "beta", "gamma")
            return Model(equations.FitzHughNagumo(lap), _named(table, *names))
        case tables.AllenCahnTable():
            return Model(equations.AllenCahn(lap), _named(table, "diffusivity", "rate"))
        case tables.CahnHilliardTable():
            return Model(equations.CahnHilliard(lap), _named(table, "mobility", "gradient"))
        case tables.PorousMediumTable(m=m):
            return Model(equations.PorousMedium(lap, m), _named(table, "alpha"))
    raise TypeError(f"no equation for {type(table).__name__}")


def _named(table: tables.StatedEquation, *names: str) -> dict[str, Coefficient]:
    return {
        name: Coefficient(getattr(table, name), least=0.0 if name in _NOT_NEGATIVE else float("-inf")) for name in names
    }


# Those that may be formulas or files.
_NOT_NEGATIVE = frozenset({"speed", "damping"})
