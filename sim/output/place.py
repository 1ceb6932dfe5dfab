"""Where in a file an array lies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from sim.topology import Box

Blocks: TypeAlias = Iterable[tuple[Box, np.ndarray]]
"""Parts of an array, each with the box of cells where it belongs; either may be empty."""


def as_written(block: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """A block as it lies in a file: contiguous, of the file's type; what that can't hold is infinite."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(block, dtype)


@dataclass(frozen=True)
class FilePlace:
    """An array of `shape` in the dataset `name` of a file, plain bytes from `offset` on.

    In the dataset it has an axis of length 1 besides, the time, before the axis number `time_axis`.
    """

    path: Path
    name: str
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    time_axis: int = 0
