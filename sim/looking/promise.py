"""What a run's case says that it will write besides its snapshots."""

from __future__ import annotations

import tomllib
from typing import Any

from pydantic import BaseModel, ConfigDict

from sim.case.words import Name
from sim.errors import SimError
from sim.looking.record import parsed


class _Output(BaseModel):
    model_config = ConfigDict(frozen=True)

    extra: dict[Name, Any] = {}


class Probes(BaseModel):
    """Their names, by kind."""

    model_config = ConfigDict(frozen=True)

    points: dict[Name, Any] = {}
    regions: dict[Name, Any] = {}
    sides: dict[Name, Any] = {}

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.points, *self.regions, *self.sides)


class Promise(BaseModel):
    """As far as is wanted of a case, checked; the whole of it would load the modules that it names."""

    model_config = ConfigDict(frozen=True)

    output: _Output = _Output()
    probes: Probes | None = None


def promise_of(text: str) -> Promise:
    """Raises SimError where the text isn't a case."""
    try:
        return parsed(text, tomllib.loads, Promise, "TOML")
    except ValueError as error:
        raise SimError(f"isn't a run's case: {error}") from None
