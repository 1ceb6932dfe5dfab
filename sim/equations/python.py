"""Equations of the user's own, in Python."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from sim.case.equation import PythonTable
from sim.equations.model import Coefficient, Model
from sim.errors import SimError
from solvers.equations import Equation
from solvers.grid import Grid


def imported(table: PythonTable, grid: Grid, folder: Path) -> Model:
    """What `module:Name` makes of the grid and the parameters.

    Name is called as Name(grid, **parameters) and returns a `solvers.equations.Equation`: a frozen dataclass whose
    first field is the grid is enough.  Its tendency finds `equation.coefficients` in `patch.coefficients`.  The module
    lies beside the case file, or wherever Python finds it.  Raises SimError where that does not work out.
    """
    module_name, _, name = table.kind.partition(":")
    sys.path.insert(0, str(folder.resolve()))
    try:
        make = getattr(importlib.import_module(module_name), name)
        equation = make(grid, **table.parameters)
    except Exception as error:
        raise SimError(
            f"equation.kind = {table.kind}: {type(error).__name__}: {error}; the module must lie beside the case file, "
            f"or be installed, and {name}(grid, **parameters) must return an equation"
        ) from error
    finally:
        sys.path.remove(str(folder.resolve()))
    if not isinstance(equation, Equation):
        raise SimError(
            f"equation.kind = {table.kind} makes a {type(equation).__name__}; it must make a solvers.equations.Equation"
        )
    if set(equation.fields) != set(table.fields):
        raise SimError(
            f"equation.kind = {table.kind} evolves {', '.join(equation.fields)}, not {', '.join(table.fields)}; "
            f"set equation.evolves to its fields"
        )
    return Model(equation, {key: Coefficient(source) for key, source in table.coefficients.items()})
