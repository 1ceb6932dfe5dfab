"""What was measured of a machine, kept in a file."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydantic import Field, ValidationError

from sim.case.table import Table
from sim.cost import TYPICAL, Core, Link
from sim.errors import SimError

_DEFAULT_LINK = Link(3e-5, 5e9)


class Rate(Table):
    """One rank's speed on one kind of work, all cores busy: what `sim.cost.Core` holds.

    `in_slabs` is None where no run went in slabs, `bytes_per_second` where memory was never slow.
    """

    ndim: int = Field(ge=1, le=3)
    dtype: str
    cells_per_second: float = Field(gt=0)
    in_slabs: float | None = Field(None, gt=0)
    bytes_per_second: float | None = Field(None, gt=0)

    def core(self, cache: float) -> Core:
        in_slabs = self.in_slabs or self.cells_per_second
        return Core(self.cells_per_second, in_slabs, self.bytes_per_second or math.inf, cache)


class Check(Table):
    """Seconds a step of a run of so many ranks, as the fit has it and as it was."""

    what: str
    ranks: int = Field(ge=1)
    predicted: float = Field(gt=0)
    measured: float = Field(gt=0)

    @property
    def error(self) -> float:
        return self.predicted / self.measured - 1


class Machine(Table):
    """Rates, a link in seconds and bytes a second, and how well they foretell runs that they were not fitted to."""

    name: str
    date: str
    cores: int = Field(ge=1)
    cache: int = Field(gt=0)
    latency: float = Field(gt=0)
    bandwidth: float = Field(gt=0)
    between: str
    rates: tuple[Rate, ...]
    checks: tuple[Check, ...] = ()

    @property
    def link(self) -> Link:
        return Link(self.latency, self.bandwidth)

    @property
    def worst_error(self) -> float | None:
        return max((abs(check.error) for check in self.checks), default=None)

    def core(self, ndim: int, dtype: str) -> Core | None:
        """What was measured with so many axes of this type, or None."""
        for rate in self.rates:
            if (rate.ndim, rate.dtype) == (ndim, dtype):
                return rate.core(self.cache)
        return None


def default_core(dtype: str) -> Core:
    """A typical one; twice as many bytes a cell take it twice as long."""
    rate = TYPICAL.cells_per_second / (2 if dtype == "float64" else 1)
    return replace(TYPICAL, cells_per_second=rate, in_slabs=rate)


def default_link() -> Link:
    return _DEFAULT_LINK


def default_path() -> Path:
    """In the user's cache directory."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "halostep" / "machine.json"


def save(machine: Machine, path: Path) -> None:
    """Raises SimError where it can't be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        part.write_text(machine.model_dump_json(indent=2) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise SimError(f"{path} can't be written: {error.strerror}; use --machine FILE") from None


def read(path: Path) -> Machine:
    """Raises SimError where there is none, or it is something else."""
    try:
        return Machine.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SimError(
            f"the machine file {path} can't be read: {error.strerror}; `sim bench --scaling --machine {path}` makes one"
        ) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise SimError(
            f"{path} is no machine file: {where + ': ' if where else ''}{first['msg']}; "
            f"`sim bench --scaling --machine {path}` makes one"
        ) from None


def fit_link(sizes: Sequence[float], seconds: Sequence[float]) -> Link:
    """The latency and bandwidth that come closest to what messages of these sizes took, by relative least squares.

    Latency and 1 / bandwidth are at least tiny: noise may want them negative.
    """
    # Σ (a / t + b s / t - 1)² is least where two linear equations in a, the latency, and b, the seconds a byte, hold.
    columns = np.array([[1 / t, size / t] for size, t in zip(sizes, seconds, strict=True)])
    (latency, per_byte), *_ = np.linalg.lstsq(columns, np.ones(len(columns)), rcond=None)
    tiny = min(seconds) / 1e3
    return Link(max(float(latency), tiny), 1 / max(float(per_byte), tiny / max(sizes)))
