"""Where a field is cut, so that a line or a plane of it remains."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from sim.errors import SimError
from sim.looking.field import Field

Cut = Mapping[str, int]


def cuts_of(field: Field, wanted: Sequence[str] = ()) -> list[Cut]:
    """The cuts to be shown, each the index of its axes' cell: as wanted ("z=0.5"), else what shows most.

    That is all of a field of one or two axes, and of three the middle plane across each axis.  An axis of one cell,
    of which a picture could show no length, is cut there, but for the last one where none is longer.
    Raises SimError for what isn't an axis, a number, or inside the grid, and where no axis would remain.
    """
    cut = dict(_index(field, text) for text in wanted)
    thin = {axis.name: 0 for axis in field.axes if axis.cells == 1}
    if not cut and len(thin) == len(field.axes):
        del thin[field.axes[-1].name]
    cut = thin | cut
    remaining = len(field.axes) - len(cut)
    if remaining == 0:
        raise SimError(f"--slice {' '.join(wanted)} leaves a single cell of {field.name!r}; leave out one of them")
    if remaining <= 2:
        return [cut]
    return [{axis.name: axis.cells // 2} for axis in field.axes]


def _index(field: Field, text: str) -> tuple[str, int]:
    name, equals, coordinate = text.partition("=")
    axes = {axis.name: axis for axis in field.axes}
    try:
        value = float(coordinate)
    except ValueError:
        value = math.nan
    if not equals or not math.isfinite(value):
        raise SimError(f"--slice takes AXIS=COORDINATE, such as z=0.5; got {text!r:.100}")
    axis = axes.get(name.strip())
    if axis is None:
        raise SimError(f"--slice {text:.100}: {field.name!r} has no axis {name.strip()!r}; it has {', '.join(axes)}")
    try:
        return axis.name, axis.nearest(value)
    except ValueError as error:
        raise SimError(f"--slice {text:.100}: {error}") from None
