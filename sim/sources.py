"""Fields of a case: a number, a formula or a file, evaluated on one box of the grid at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sim.case import FileSource
from sim.errors import SimError
from sim.expression import Formula
from sim.fieldfile import FieldFileError, open_field, resolve
from sim.topology import Box, axis_names, box_shape
from sim.transport.protocol import Evaluate
from solvers.block import along
from solvers.grid import Grid

_CELLS = 1 << 18


def evaluator(
    key: str,
    source: float | str | FileSource,
    grid: Grid,
    base: Path,
    time: float | None = None,
    dtype: npt.DTypeLike = np.float64,
    least: float = -np.inf,
) -> Checked:
    """A function box → values there, from global indices alone: the same bits for every decomposition.

    `key` names the source in messages; `time` is the value of t where formulas may use it.
    Raises SimError, now for what can be seen now, and when called for values that are not finite, or below `least`.
    """
    if isinstance(source, FileSource):
        evaluate = _from_file(key, source, grid, base)
    elif isinstance(source, str):
        evaluate = of_formula(source, grid, time)
    else:
        number = source

        def evaluate(box: Box) -> np.ndarray:
            return np.full(box_shape(box), number)

    return Checked(key, evaluate, grid, dtype, least)


def of_formula(text: str, grid: Grid, time: float | None = None) -> Evaluate:
    """Its values in float64, whatever they are."""
    names = axis_names(grid.ndim)
    formula = Formula.parse(text, (*names, "t") if time is not None else names)

    def evaluate(box: Box) -> np.ndarray:
        values: dict[str, object] = {} if time is None else {"t": np.float64(time)}
        for axis, (name, cells) in enumerate(zip(names, box, strict=True)):
            values[name] = along(axis, grid.ndim, grid.centres(axis, cells.start, cells.stop))
        return np.broadcast_to(np.asarray(formula.evaluate(values), dtype=np.float64), box_shape(box))

    return evaluate


def layers_of(box: Box) -> Iterator[Box]:
    """A few layers of it at a time: what is made of them on the way to their values is larger than these."""
    first, *others = box
    depth = max(1, _CELLS // max(1, math.prod(box_shape(tuple(others)))))
    for start in range(first.start, first.stop, depth):
        yield (slice(start, min(start + depth, first.stop)), *others)


def _from_file(key: str, source: FileSource, grid: Grid, base: Path) -> Evaluate:
    names = axis_names(grid.ndim)
    try:
        stored = open_field(resolve(Path(source.file), source.package, base), source.dataset)
    except FieldFileError as error:
        raise SimError(f"{key}: {error}") from None
    if stored.shape not in (grid.shape, (1, *grid.shape)):
        raise SimError(
            f"{key}: {source.file} holds the shape {stored.shape}, the grid has {grid.shape} ({', '.join(names)}); "
            f"{_remedy(stored.shape, grid)}"
        )
    field = stored.turned(tuple(name in source.flip for name in names))

    def evaluate(box: Box) -> np.ndarray:
        try:
            return field.read(box)
        except FieldFileError as error:
            raise SimError(f"{key}: {error}") from None

    return evaluate


def _remedy(shape: tuple[int, ...], grid: Grid) -> str:
    """What to do about a file of that shape, which doesn't fit the grid."""
    own = shape[1:] if len(shape) == grid.ndim + 1 and shape[0] == 1 else shape
    if len(own) == grid.ndim:
        return f"give the grid the shape {own}"
    if len(own) == grid.ndim + 1:
        return f"give one of these {own[0]} fields: of a run's times the one in snapshots/N.h5, of an array u[N]"
    return f"give a field of {grid.ndim} axes, as the grid has"


class Checked:
    """Values in the field's type; refuses what is not finite there, or below `least`, naming the first cell.

    largest: of the magnitudes that were asked for so far, before they were of that type.
    """

    def __init__(self, key: str, evaluate: Evaluate, grid: Grid, dtype: npt.DTypeLike, least: float) -> None:
        self.key, self._evaluate, self._grid, self._dtype, self._least = key, evaluate, grid, dtype, least
        self.largest = 0.0

    def __call__(self, box: Box) -> np.ndarray:
        values = np.empty(box_shape(box), self._dtype)
        for part in layers_of(box):
            values[part[0].start - box[0].start : part[0].stop - box[0].start] = self._layers(part)
        return values

    def _layers(self, box: Box) -> np.ndarray:
        given = self._evaluate(box)
        with np.errstate(over="ignore"):
            values = given.astype(self._dtype, copy=False)
        broken = ~(np.isfinite(values) & (values >= self._least))
        if broken.any():
            local = np.unravel_index(int(np.argmax(broken)), broken.shape)
            where = ", ".join(
                f"{name} = {self._grid.centres(axis, cells.start + int(i), cells.start + int(i) + 1)[0]:.6g}"
                for axis, (name, cells, i) in enumerate(zip(axis_names(values.ndim), box, local, strict=True))
            )
            allowed = "" if self._least == -np.inf else f" and at least {self._least:g}"
            raise SimError(
                f"{self.key} is {given[local]} at {where}; every value must be finite in {values.dtype}{allowed}"
            )
        self.largest = max(self.largest, float(np.max(np.abs(given), initial=0.0)))
        return values
