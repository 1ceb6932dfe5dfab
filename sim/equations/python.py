"""Equations of the user's own, in Python."""

from __future__ import annotations

import hashlib
import importlib
import sys
from pathlib import Path
from types import ModuleType

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
        make = getattr(_module(module_name, folder.resolve()), name)
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
    if not isinstance(equation.width, int) or equation.width < 1:
        raise SimError(
            f"equation.kind = {table.kind} has the width {equation.width!r}; it is the number of ghost layers that its "
            f"tendency consumes, an integer from 1 (of one that looks at no neighbour crop one layer)"
        )
    if set(equation.fields) != set(table.fields):
        raise SimError(
            f"equation.kind = {table.kind} evolves {', '.join(equation.fields)}, not {', '.join(table.fields)}; "
            f"set equation.evolves to its fields"
        )
    return Model(equation, {key: Coefficient(source) for key, source in table.coefficients.items()})


def _module(name: str, folder: Path) -> ModuleType:
    """The one beside the case file as it is now, under a name of its own: another case may have one of the same name,
    and who works interactively changes it between runs.  Else whatever Python finds by that name.
    """
    path = folder / f"{name}.py"
    if not path.is_file():
        return importlib.import_module(name)
    module = ModuleType(f"{name}_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # where dataclasses look for the module of their class
    # Without Python's cache of compiled modules, which takes two versions of one second and length for the same.
    exec(compile(path.read_bytes(), path, "exec"), module.__dict__)
    return module
