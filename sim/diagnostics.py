"""The numbers that a run says of its fields, as programs of one block."""

from __future__ import annotations

from typing import Any

from sim.case import Case, Dirichlet, Neumann
from sim.transport.protocol import Program
from solvers.block import Block
from solvers.exchange import Exchange
from solvers.fields import Fields
from solvers.reductions import count_nonfinite, measure, norms

Scalars = tuple[tuple[()], dict[str, Any]]


def blow_up() -> Program:
    """(fields) → cells that are not finite, by field."""

    def program(block: Block, exchange: Exchange, fields: Fields) -> Scalars:
        owned = block.owned()
        return (), {name: count_nonfinite(u[block.interior], owned, exchange) for name, u in fields.items()}

    return program


def statistics(cells: int) -> Program:
    """(fields) → min, max and mean, by field."""

    def program(block: Block, exchange: Exchange, fields: Fields) -> Scalars:
        owned = block.owned()
        return (), {name: measure(u[block.interior], owned, cells, exchange) for name, u in fields.items()}

    return program


def errors(cells: int) -> Program:
    """(fields, exact fields) → l2 and max of the difference, by field."""

    def program(block: Block, exchange: Exchange, fields: Fields, exact: Fields) -> Scalars:
        owned, inside = block.owned(), block.interior
        return (), {name: norms(fields[name][inside], exact[name][inside], owned, cells, exchange) for name in exact}

    return program


def inflow(case: Case) -> float | None:
    """What flows in through all walls per time, Σ flux · area; None where a wall's flow is not given."""
    grid = case.to_grid()
    total = 0.0
    for axis, sides in enumerate(case.boundary.axes):
        area = grid.cell_volume * grid.cells / (grid.upper[axis] - grid.lower[axis])
        for side in (sides.lower, sides.upper):
            if isinstance(side, Dirichlet):
                return None
            if isinstance(side, Neumann):
                total += side.flux * area
    return total
