"""Is a run's probes.h5 whole?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import h5py
import numpy as np

from sim.looking.field import TIME
from sim.looking.hdf5 import check_size, datasets, opened
from sim.looking.words import clean

STEP = "step"
_PIECE_BYTES = 16 << 20


def facts_of_probes(path: Path, names: Sequence[str], values: bool) -> list[str]:
    """What it lacks of the probes of these names, and with `values` what isn't finite.

    Raises SimError where it is missing, foreign or damaged.
    """
    with opened(path) as file:
        return list(_facts(dict(datasets(file)), names, values))


def _facts(found: dict[str, h5py.Dataset], names: Sequence[str], values: bool) -> Iterator[str]:
    rows = found[STEP].shape[-1] if STEP in found else None
    for name in (STEP, TIME, *names):
        series = found.get(name)
        if series is None:
            yield f"has no series {clean(name)!r}"
            continue
        check_size(series)
        if rows is not None and series.shape[-1] != rows:
            yield f"its series {clean(name)!r} has {series.shape[-1]:,} rows, not {rows:,} as {STEP!r}"
        if values and (broken := sum(_broken(series))):
            yield f"{broken:,} of {series.size:,} numbers of {clean(name)!r} are NaN or infinite"


def _broken(series: h5py.Dataset) -> Iterator[int]:
    rows = max(1, _PIECE_BYTES * series.shape[-1] // max(1, series.nbytes))
    for first in range(0, series.shape[-1], rows):
        yield int(np.count_nonzero(~np.isfinite(series[..., first : first + rows])))
