"""What is wanted of a file, and what a kind of file must be able to say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Box = tuple[slice, ...]
Range = tuple[int, int]


class FieldFileError(ValueError):
    """A field that cannot be read from its file; one message: the fact, the value, the remedy."""


@dataclass(frozen=True)
class Layout:
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool = False

    def problem(self) -> str:
        """Why this is no field, or nothing."""
        if self.dtype.kind not in "biuf":
            return f"holds {self.dtype} values; a field takes real numbers"
        if not self.shape:
            return "is a single value; give a number instead of a file, or name another dataset"
        if 0 in self.shape:
            return f"is empty (shape {self.shape}); a field needs a value in each cell"
        return ""


def check_layout(layout: Layout, what: str) -> None:
    if problem := layout.problem():
        raise FieldFileError(f"{what} {problem}")


class Format(Protocol):
    """How one kind of file is looked into and read; all its methods open the file and close it."""

    def contents(self, path: Path) -> dict[str, Layout]:
        """All arrays of the file by name, in the file's order."""
        ...

    def layout(self, path: Path, name: str) -> Layout:
        """One array's; KeyError if there is no such name."""
        ...

    def read(self, path: Path, name: str, ranges: tuple[Range, ...]) -> NDArray[Any]:
        """The part of one array within `ranges` (start, stop), which lie inside its shape."""
        ...


def slices(ranges: tuple[Range, ...]) -> Box:
    return tuple(slice(*limits) for limits in ranges)
