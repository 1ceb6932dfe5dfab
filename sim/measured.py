"""What was measured of a machine, kept in a file."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError

from sim import kept
from sim.case.table import Table
from sim.costs import CoreRates
from sim.errors import SimError
from sim.messages import Link


class Measured(Table):
    """`CoreRates` of one rank on one kind of work, all cores busy."""

    ndim: int = Field(ge=1, le=3)
    dtype: str
    in_cache: float = Field(gt=0)
    beyond: float = Field(gt=0)
    memory: float = Field(gt=0)
    tile_seconds: float = Field(ge=0)

    @property
    def rates(self) -> CoreRates:
        return CoreRates(self.in_cache, self.beyond, self.memory, self.tile_seconds)


class Prediction(Table):
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
    measured: tuple[Measured, ...]
    checks: tuple[Prediction, ...] = ()

    @property
    def link(self) -> Link:
        return Link(self.latency, self.bandwidth)

    @property
    def worst_error(self) -> float | None:
        return max((abs(check.error) for check in self.checks), default=None)

    def rates(self, ndim: int, dtype: str) -> CoreRates | None:
        """What was measured with so many axes of this type, or None."""
        return next((m.rates for m in self.measured if (m.ndim, m.dtype) == (ndim, dtype)), None)


def default_path() -> Path | None:
    """Among what is kept for this machine; None where nothing may be."""
    directory = kept.directory()
    return None if directory is None else directory / "machine.json"


def save(machine: Machine, path: Path) -> None:
    """Raises SimError where it can't be written."""
    try:
        part = path.with_name(path.name + ".part")
        part.write_text(machine.model_dump_json(indent=2) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise SimError(f"{path} can't be written: {error.strerror}; use another --machine FILE") from None


def read(path: Path) -> Machine:
    """Raises SimError where there is none, or it is something else."""
    remedy = f"`sim bench --scaling --machine {path}` makes one"
    try:
        return Machine.model_validate_json(path.read_bytes())
    except OSError as error:
        raise SimError(f"the machine file {path} can't be read: {error.strerror}; {remedy}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise SimError(f"{path} is no machine file: {where + ': ' if where else ''}{first['msg']}; {remedy}") from None
