"""What a case's sources, regions and probes mean in the terms of the numerics."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from sim import case as tables
from sim.case import Case
from sim.equations import model_of
from sim.expression import Formula
from sim.expression.careful import Careful
from sim.topology import axis_names
from solvers.exchange import LOWER, UPPER
from solvers.forcing import Action, Ball, Box, Forced, Forcing, Mask, PointSource, Region
from solvers.forcing.action import PatchValue
from solvers.forcing.point import TimeValue
from solvers.integrators import Step
from solvers.observing import Observation, OverRegion, OverSide, Probe
from solvers.patch import Patch
from solvers.rounding import Rounding


def forced(case: Case, step: Step) -> Step:
    """The step with the case's sources and region updates after it."""
    forcings = forcings_of(case)
    return Forced(step, forcings) if forcings else step


def forcings_of(case: Case) -> Sequence[Forcing]:
    """The case's sources, and then its region updates."""
    sources: list[Forcing] = [_source(case, source) for source in case.sources]
    return [*sources, *(_action(case, region) for region in case.regions)]


def observations_of(case: Case) -> Sequence[Observation]:
    """The case's probes, in the order of their names."""
    if case.probes is None:
        return ()
    found: list[Observation] = [Probe(p.field, _point(case, p.at)) for p in case.probes.points.values()]
    found += [OverRegion(r.field, _region(case, r), r.measure) for r in case.probes.regions.values()]
    return [*found, *(_side(case, side) for side in case.probes.sides.values())]


def _source(case: Case, source: tables.SourceTable) -> PointSource:
    place = [_of_time(getattr(source.at, name)) for name in axis_names(case.ndim)]
    return PointSource(source.field, place, _of_time(source.strength))


def _action(case: Case, region: tables.RegionTable) -> Action:
    value = getattr(region, region.operation)
    names = (*axis_names(case.ndim), "t", *case.equation.fields)
    function: PatchValue = _of_patch(value, names) if isinstance(value, str) else value
    operation = region.operation
    return Action(region.field, _region(case, region), operation, function, tuple(region.times))


def _side(case: Case, probe: tables.SideProbe) -> OverSide:
    axis, side = probe.side.split(".")
    number = axis_names(case.ndim).index(axis)
    model = model_of(case)
    conductivity = model.conductivity(number) if case.equation.wall_conductivity != 0.0 else None
    return OverSide(probe.field, number, UPPER if side == "upper" else LOWER, probe.measure, conductivity, model.mean)


def _region(case: Case, placed: tables.Placed) -> Region:
    names = axis_names(case.ndim)
    if placed.box is not None:
        everything = [float("-inf"), float("inf")]
        bounds = [getattr(placed.box, name) or everything for name in names]
        return Box([low for low, _ in bounds], [high for _, high in bounds])
    if placed.ball is not None:
        return Ball(_point(case, placed.ball.centre), placed.ball.radius)
    assert placed.where is not None
    return Mask(_of_patch(placed.where, names))


def _point(case: Case, point: tables.Point) -> list[float]:
    return [getattr(point, name) for name in axis_names(case.ndim)]


def _of_patch(text: str, names: tuple[str, ...]) -> Callable[[Patch], jax.Array]:
    """A formula as a function of place, time and fields; evaluated in float64 where it knows no field."""
    formula = Formula.parse(text, names)

    def evaluate(patch: Patch) -> jax.Array:
        values = {name: patch.centres(axis) for axis, name in enumerate(axis_names(len(patch.shape)))}
        return jnp.asarray(formula.evaluate({**values, "t": patch.time, **patch.fields}, Careful(patch.rounded)))

    return evaluate


def _of_time(value: float | str) -> TimeValue:
    if not isinstance(value, str):
        return value
    formula = Formula.parse(value, ("t",))

    def evaluate(time: jax.Array, rounded: Rounding) -> jax.Array:
        return jnp.asarray(formula.evaluate({"t": time}, Careful(rounded)), jnp.float64)

    return evaluate
