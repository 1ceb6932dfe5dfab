"""Cases whose steps solve systems of equations: what they are in the numerics, and what to say where it fails."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from sim.case import Case
from sim.errors import SimError
from sim.topology import Topology
from solvers.equations import Equation
from solvers.grid import Grid
from solvers.implicit.bdf2 import Bdf2
from solvers.implicit.march import ImplicitMarch, ImplicitStep
from solvers.implicit.newton import Krylov, Newton
from solvers.implicit.runge_kutta import ImplicitRungeKutta
from solvers.implicit.spectral import Spectral, has_modes, has_propagator
from solvers.implicit.steady import SteadyState
from solvers.implicit.tableaux import TABLEAUX
from solvers.walls import Walls

# Cells of the level from which on a multigrid is whole on each block.
_CELLS_OF_ALL = 1024
# In units of the field's precision.  Of a symmetric operator it is about one.
_ASYMMETRY = 1e3
_TOLERANCE = {"float32": 1e-5, "float64": 1e-8}
_STEADY_TOLERANCE = {"float32": 1e-6, "float64": 1e-10}


def unit_of(topology: Topology) -> int:
    """The power of two at whose multiples blocks are best cut for a multigrid: of four to a block and more."""
    if topology.count == 1:
        return 1
    unit, cells = 2, math.prod(topology.shape) >> len(topology.shape)
    room = min(n // parts for n, parts in zip(topology.shape, topology.blocks, strict=True) if parts > 1)
    while cells > _CELLS_OF_ALL and 8 * unit <= room:
        unit, cells = 2 * unit, cells >> len(topology.shape)
    return unit


def march_of(
    case: Case, equation: Equation, walls: Mapping[str, Walls], grid: Grid, unit: int, settled: Krylov | None = None
) -> ImplicitMarch:
    table, dtype = case.solver, case.numerics.dtype
    tolerance = table.tolerance or (_STEADY_TOLERANCE if case.time.steady else _TOLERANCE)[dtype]
    krylov: Krylov = settled or ("bicgstab" if table.method == "bicgstab" else "cg")
    boundaries = (side for of_field in walls.values() for pair in of_field.sides for side in pair)
    linear = equation.linear and all(boundary.linear for boundary in boundaries)
    newton = Newton(krylov, linear, tolerance, table.newton, table.iterations)
    return ImplicitMarch(_step_of(case, equation), equation, walls, grid, newton, unit)


def check_spectral(case: Case, equation: Equation, walls: Mapping[str, Walls], blocks: int) -> None:
    """Raise SimError where a case that asks for the spectral propagator is none for it."""
    if case.time.integrator != "spectral" or case.time.steady:
        return
    if not has_propagator(equation) or not all(map(has_modes, walls.values())):
        raise SimError(
            'time.integrator = "spectral" knows a constant alpha and a source of the place alone, in a box whose walls '
            'are periodic, dirichlet with value 0 or neumann with flux 0; use "tr-bdf2" or "bdf2" for others'
        )
    if blocks > 1:
        raise SimError(f'time.integrator = "spectral" needs all cells in one block, not {blocks}; use one process')


def _step_of(case: Case, equation: Equation) -> ImplicitStep:
    if case.time.steady:
        return SteadyState()
    if case.time.integrator == "spectral":
        return Spectral()
    if case.time.integrator == "bdf2":
        return Bdf2(equation.fields)
    return ImplicitRungeKutta(TABLEAUX[case.time.integrator])


def first_time(case: Case, start: float) -> float:
    """Of the first system that is solved from `start` on, about the end of a step: walls may be special at 0."""
    return case.time.end if case.time.steady else start + (case.time.step or 0.0)


def suited(march: ImplicitMarch, case: Case, asymmetry: np.ndarray) -> ImplicitMarch:
    """The march with the Krylov method that its systems need, by their measured asymmetry, that of each member.

    Raises SimError where the case insists on conjugate gradients and they can't do it, and where some members alone
    would be solved by them and others not.
    """
    symmetric = bool(np.all(asymmetry <= _ASYMMETRY))
    if case.solver.method == "cg" and not symmetric:
        raise SimError(
            f'solver.method = "cg" needs a symmetric operator, and this one is not: ⟨Ax, y⟩ and ⟨x, Ay⟩ differ by '
            f'{np.max(asymmetry):.2g} times the rounding error; use solver.method = "bicgstab", or "auto"'
        )
    if case.solver.method == "auto" and march.newton.linear and not symmetric and np.any(asymmetry <= _ASYMMETRY):
        raise SimError(
            f"the systems of member {int(np.argmax(asymmetry))} of the ensemble are not symmetric, those of member "
            f'{int(np.argmin(asymmetry))} are, and all share one program; use solver.method = "bicgstab"'
        )
    if case.solver.method == "auto" and not (symmetric and march.newton.linear):
        return replace(march, newton=replace(march.newton, krylov="bicgstab"))
    return march


def failure(effort: Mapping[str, Any], case: Case, time: float, kept: str) -> SimError:
    """What to raise for an effort that came to nothing from `time` on; `kept` says what is left."""
    of_each = {name: np.atleast_1d(values) for name, values in effort.items()}
    failed = np.flatnonzero(of_each["failed"])
    first = failed[np.argmin(of_each["taken"][failed])]
    effort = {name: values[first] for name, values in of_each.items()}
    of_member = f" of member {first}" if case.ensemble is not None else ""
    if bool(effort["unbalanced"]):
        return SimError(
            f"there is no steady state{of_member}: no wall holds u, and what flows in through walls and from sources "
            "does not sum up to nothing; make their integral zero, or give a wall a value (dirichlet, robin)"
        )
    what = f"the steady state{of_member} was" if case.time.steady else f"the step from t = {time:g}{of_member} was"
    shorter = "" if case.time.steady else "a smaller time.step, "
    wider = 'numerics.dtype = "float64", ' if case.numerics.dtype == "float32" else ""
    if not math.isfinite(residual := float(effort["residual"])):
        look = "look for roots and logarithms of what is negative there, and for divisions by what is 0"
        remedy = f"use {shorter}{wider}or {look}" if shorter or wider else look
        return SimError(
            f"{what} not found: on the way to it the equation, a wall or a source was, itself or squared, not finite; "
            f"{kept}; {remedy}"
        )
    # Asked for, it was found to suit the first system, which need not be like those later on.
    other = 'solver.method = "bicgstab" where they are not symmetric any more, ' if case.solver.method == "cg" else ""
    return SimError(
        f"{what} not found: iterations, or rounding, left a residual of {residual:.3g} of its size; "
        f"{kept}; use {shorter}{wider}{other}more solver.newton (now {case.solver.newton}) or solver.iterations "
        f"(now {case.solver.iterations}), or a larger solver.tolerance; if the right-hand side jumps there may be none"
    )


def iterations(effort: Mapping[str, Any]) -> dict[str, int]:
    """How many it took, those of all members."""
    return {name: int(np.sum(effort[name])) for name in ("newton", "krylov")}
