"""Two fields, slab by slab: norms of their difference, and whether they are the same bytes."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np

from sim.errors import SimError
from sim.looking.field import Axis, Field
from sim.looking.words import clean


@dataclass(frozen=True)
class FieldDifference:
    """d = b − a over the N cells of a field: `l2` = √(Σ d² / N), `max` = max |d|; `scale` = max |a|.

    The same number in both, NaN and infinity among them, differs by 0; NaN or infinity against anything else by
    infinity.  `digests` are the SHA-256 of the two fields' bytes, little-endian in C order.
    """

    field: str
    time: float
    l2: float
    max: float
    scale: float
    digests: tuple[str, str]

    @property
    def same_bytes(self) -> bool:
        return self.digests[0] == self.digests[1]

    @property
    def relative(self) -> float:
        """max |d| / max |a|."""
        if self.max == 0:
            return 0.0
        return self.max / self.scale if self.scale else math.inf

    def within(self, tolerance: float | None) -> bool:
        """The same bytes; or, where a tolerance is given, max |d| ≤ tolerance · max |a|."""
        return self.same_bytes or (tolerance is not None and self.relative <= tolerance)


def difference(a: Field, b: Field, time: float) -> FieldDifference:
    """Reads both once, about 16 MiB of each at a time.  Raises SimError where they aren't on one grid."""
    if a.shape != b.shape:
        raise SimError(
            f"{clean(a.name)!r} has {_cells(a)} cells in {clean(a.path)} and {_cells(b)} in {clean(b.path)}; "
            f"only fields on one grid can be compared"
        )
    for one, other in zip(a.axes, b.axes, strict=True):
        # To the bit: both come from one formula.
        if (one.name, one.first, one.last) != (other.name, other.first, other.last):
            raise SimError(
                f"{clean(a.name)!r} has {_centres(one)} in {clean(a.path)} and {_centres(other)} in {clean(b.path)}; "
                f"only fields on one grid can be compared"
            )
    hashes = hashlib.sha256(), hashlib.sha256()
    squares, largest, scale = 0.0, 0.0, 0.0
    # The boxes follow from the size of a value; those of the larger one fit both.
    widest = max(a.dtype.itemsize, b.dtype.itemsize)
    for left, right in zip(a.slabs(widest), b.slabs(widest), strict=True):
        for part, sha in zip((left, right), hashes, strict=True):
            sha.update(np.ascontiguousarray(part, part.dtype.newbyteorder("<")).data)
        distances = _distances(left, right)
        largest = max(largest, float(distances.max()))
        with np.errstate(over="ignore"):
            squares += float(np.sum(np.square(distances)))
        finite = left[np.isfinite(left)]
        scale = max(scale, float(np.abs(finite.astype(np.float64)).max(initial=0.0)))
    return FieldDifference(
        a.name, time, math.sqrt(squares / a.cells), largest, scale, (hashes[0].hexdigest(), hashes[1].hexdigest())
    )


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        distances = np.abs(b - a)
    distances[np.isnan(distances)] = np.inf
    distances[(a == b) | (np.isnan(a) & np.isnan(b))] = 0.0
    return distances


def _cells(field: Field) -> str:
    return " × ".join(map(str, field.shape))


def _centres(axis: Axis) -> str:
    return f"cells from {axis.name} = {axis.first} to {axis.last}"
