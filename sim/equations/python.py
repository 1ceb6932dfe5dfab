"""Equations of the user's own, in Python."""

from __future__ import annotations

import hashlib
import importlib
import sys
from pathlib import Path
from types import ModuleType

from sim.case import Case
from sim.case.equation import PythonTable
from sim.equations.model import Coefficient, Model
from sim.equations.trial import raising
from sim.errors import SimError
from solvers.equations import Equation

_loading: set[Path] = set()


def imported(table: PythonTable, case: Case) -> Model:
    """What `module:Name` makes of the grid and the parameters.

    Name is called as Name(grid, **parameters) and returns a `solvers.equations.Equation`: a frozen dataclass whose
    first field is the grid is enough.  Its tendency finds `equation.coefficients` in `patch.coefficients`.  The module
    lies in `equation.folder`, or wherever Python finds it.  Raises SimError where that does not work out.
    """
    module_name, _, name = table.kind.partition(":")
    called, folder, grid = f"equation.kind = {table.kind}", (case.base / (table.folder or "")).resolve(), case.to_grid()
    sys.path.insert(0, str(folder))
    try:
        with raising(f"{called}, which must lie in {folder}, or be installed:"):
            make = getattr(_module(module_name, folder), name)
        with raising(f"{called}: {name}(grid, **parameters)"):
            equation = make(grid, **table.parameters)
    finally:
        sys.path.remove(str(folder))
    if not isinstance(equation, Equation):
        raise SimError(f"{called} makes a {type(equation).__name__}; it must make a solvers.equations.Equation")
    with raising(f"{called}: reading its properties"):
        _check_properties(called, equation, table.fields)
    return Model(equation, {key: Coefficient(source) for key, source in table.coefficients.items()})


def _check_properties(called: str, equation: Equation, fields: tuple[str, ...]) -> None:
    if type(equation.width) is not int or equation.width < 1:
        raise SimError(
            f"{called} has the width {equation.width!r}; it is the number of ghost layers that its "
            f"tendency consumes, an integer from 1 (of one that looks at no neighbour crop one layer)"
        )
    if isinstance(equation.fields, str) or set(equation.fields) != set(fields):
        evolves = repr(equation.fields) if isinstance(equation.fields, str) else ", ".join(map(str, equation.fields))
        raise SimError(
            f"{called} evolves {evolves}, not {', '.join(fields)}; set equation.evolves to its fields, of which "
            f"`fields` is the tuple of names"
        )
    pairs = equation.velocities.items()
    if any(place not in fields or velocity not in fields for place, velocity in pairs):
        raise SimError(
            f"{called} has the velocities {dict(pairs)!r:.80}; they are of a field v = ∂u/∂t of each u, "
            f"by name, and its fields are {', '.join(fields)}"
        )


def _module(name: str, folder: Path) -> ModuleType:
    """The one in the folder as it is now, under a name of its own: another case may have one of the same name,
    and who works interactively changes it between runs.  Else whatever Python finds by that name.
    """
    path = folder / f"{name}.py"
    if not path.is_file():
        return importlib.import_module(name)
    if path in _loading:
        raise SimError(
            f"{path} runs a case whose equation is in it, and so is loaded again and again; "
            f'let it run under: if __name__ == "__main__":'
        )
    module = ModuleType(f"{name}_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # where dataclasses look for the module of their class
    # Without Python's cache of compiled modules, which takes two versions of one second and length for the same.
    _loading.add(path)
    try:
        exec(compile(path.read_bytes(), path, "exec"), module.__dict__)
    finally:
        _loading.remove(path)
    return module
