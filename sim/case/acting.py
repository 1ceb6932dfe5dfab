"""Do sources, regions and probes fit the grid and the equation?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel

from sim.case.forcing import MovingPoint, RegionTable, SourceTable
from sim.case.grid import AxisTable
from sim.case.probes import ProbesTable
from sim.case.region import BallTable, BoxTable, Placed, Point
from sim.case.source import check_formula
from sim.expression import Formula

# What rounding makes of a distance, in parts of it.
_SLACK = 1e-9


def check_acting(
    sources: Sequence[SourceTable],
    regions: Sequence[RegionTable],
    fields: Sequence[str],
    axes: Mapping[str, AxisTable],
    edges: Mapping[str, AxisTable],
) -> None:
    """Raise ValueError, naming the key, where one of them does not; `edges`: those axes beyond which nothing lies."""
    names = tuple(axes)
    for number, source in enumerate(sources):
        key = f"sources.{number}"
        _check_field(key, source.field, fields)
        _check_axes(f"{key}.at", source.at, names, whole=True)
        for name in names:
            check_formula(f"{key}.at.{name}", getattr(source.at, name), ("t",))
        _check_inside(f"{key}.at", source.at, edges)
        check_formula(f"{key}.strength", source.strength, ("t",))
    for number, region in enumerate(regions):
        key = f"regions.{number}"
        _check_placed(key, region, fields, axes)
        if len(set(region.times)) < len(region.times):
            twice = next(time for time in region.times if region.times.count(time) > 1)
            raise ValueError(f"{key}.times has {twice:g} twice; it acts once then: give another [[regions]] for more")
        check_formula(f"{key}.{region.operation}", getattr(region, region.operation), (*names, "t", *fields))


def check_probes(
    probes: ProbesTable,
    fields: Sequence[str],
    axes: Mapping[str, AxisTable],
    edges: Mapping[str, AxisTable],
    taken: Iterable[str] = ("time", "step"),
) -> None:
    """Raise ValueError, naming the key, where one of them does not; `taken`: what else their file holds, by name."""
    names = tuple(axes)
    if not probes.names:
        raise ValueError("probes has neither points nor regions nor sides; name some, or leave it out")
    twice = {name for name in probes.names if probes.names.count(name) > 1} | (set(taken) & set(probes.names))
    if twice:
        raise ValueError(f"probes: the name {', '.join(sorted(twice))} is taken already; choose another")
    for name, point in probes.points.items():
        _check_field(f"probes.points.{name}", point.field, fields)
        _check_axes(f"probes.points.{name}.at", point.at, names, whole=True)
        _check_inside(f"probes.points.{name}.at", point.at, edges)
    for name, region in probes.regions.items():
        _check_placed(f"probes.regions.{name}", region, fields, axes)
    for name, side in probes.sides.items():
        _check_field(f"probes.sides.{name}", side.field, fields)
        if side.side[0] not in names:
            raise ValueError(f"probes.sides.{name}.side: the grid has no axis {side.side[0]}")


def _check_placed(key: str, placed: Placed, fields: Sequence[str], axes: Mapping[str, AxisTable]) -> None:
    names = tuple(axes)
    _check_field(key, placed.field, fields)
    check_formula(f"{key}.where", placed.where, names)
    if placed.box is not None:
        _check_axes(f"{key}.box", placed.box, names, whole=False)
        _check_box(f"{key}.box", placed.box, axes)
    if placed.ball is not None:
        _check_axes(f"{key}.ball.centre", placed.ball.centre, names, whole=True)
        _check_ball(f"{key}.ball", placed.ball, axes)


def _check_field(key: str, field: str, fields: Iterable[str]) -> None:
    if field not in fields:
        raise ValueError(f"{key}.field: {field} is no field of the equation, which has {', '.join(fields)}")


def _check_axes(key: str, table: BaseModel, names: Iterable[str], whole: bool) -> None:
    """Whether a table has something for each axis of the grid (if `whole`) and for no other."""
    given = {name for name in "xyz" if getattr(table, name) is not None}
    if given - set(names) or (whole and set(names) - given):
        wanted = " and ".join(sorted(names))
        raise ValueError(f"{key} has {' and '.join(sorted(given)) or 'no axis'}; the grid has {wanted}")


def _check_box(key: str, box: BoxTable, axes: Mapping[str, AxisTable]) -> None:
    """Whether a box holds the centre of a cell."""
    for name, axis in axes.items():
        low, high = getattr(box, name) or (axis.lower, axis.upper)
        if low > high:
            raise ValueError(f"{key}.{name} = [{low:g}, {high:g}] is empty; give the lower bound first")
        half = 0.5 * high - 0.5 * low
        # If the interval holds any, it holds the one that is nearest to its middle.
        if axis.distance(low + half) > half + _SLACK * axis.spacing:
            raise ValueError(
                f"{key}.{name} = [{low:g}, {high:g}] holds no centre of a cell: the grid is [{axis.lower:g}, "
                f"{axis.upper:g}] along {name}, in cells of {axis.spacing:g}; give a wider one, or a finer grid"
            )


def _check_ball(key: str, ball: BallTable, axes: Mapping[str, AxisTable]) -> None:
    """Whether a ball holds the centre of a cell."""
    nearest = math.hypot(*(axis.distance(getattr(ball.centre, name)) for name, axis in axes.items()))
    if nearest > ball.radius * (1 + _SLACK):
        raise ValueError(
            f"{key} holds no centre of a cell: the nearest one is {nearest:.6g} away from its own, beyond the radius "
            f"{ball.radius:g}; give a larger one, or a finer grid"
        )


def _check_inside(key: str, place: MovingPoint | Point, edges: Mapping[str, AxisTable]) -> None:
    """Whether a point that stays where it is lies in the grid, its edges included; one that moves may leave it."""
    for name, axis in edges.items():
        value = getattr(place, name)
        if isinstance(value, str):
            formula = Formula.parse(value, ("t",))
            if formula.names:
                continue
            value = float(formula())
        if not axis.lower <= value <= axis.upper:
            raise ValueError(
                f"{key}.{name} = {value:g} lies beyond the grid, which is [{axis.lower:g}, {axis.upper:g}] along "
                f"{name}; give a point in it"
            )
