"""Where a run stands between two chunks, besides its fields."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sim.adaptive import Pacing
from sim.output.stream import MAIN, WrittenFiles
from sim.schedule import Position, Segment
from sim.stepping import Speed
from solvers.implicit.newton import Krylov

_Finite = Annotated[float, Field(allow_inf_nan=False)]

# A number that JSON need not know: it may be infinite, a mean that has overflown even nan.
_Hex = Annotated[str, Field(pattern=r"^(-?0x[01]\.[0-9a-f]{1,13}p[+-][0-9]{1,4}|-?inf|nan)$")]

# Beyond any logarithm that `solvers.adaptive.Controller` has.
_LARGEST = 1 << 20
_HEXED = ("step", "shortest", "longest")

Numbers: TypeAlias = Mapping[str, Mapping[str, float]]
"""min, max and mean of each field."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Files(_Table):
    """The times and steps of the files of one output."""

    times: tuple[_Finite, ...]
    steps: tuple[int, ...]

    @model_validator(mode="after")
    def _pairs(self) -> Files:
        if len(self.times) != len(self.steps):
            raise ValueError("as many times as steps")
        return self


class StoredStatistics(_Table):
    """What a field was like at time 0, as float.hex()."""

    min: _Hex
    max: _Hex
    mean: _Hex


class StoredPacing(_Table):
    """`sim.adaptive.Pacing` of each member, or of the one that is alone; steps as float.hex()."""

    time: tuple[_Finite, ...] = Field(min_length=1)
    step: tuple[_Hex, ...]
    error: tuple[int, ...]
    rejected: tuple[Annotated[int, Field(ge=0)], ...]
    shortest: tuple[_Hex, ...]
    longest: tuple[_Hex, ...]

    @model_validator(mode="after")
    def _of_all(self) -> StoredPacing:
        if any(len(values) != len(self.time) for _, values in self):
            raise ValueError("as many numbers of each kind")
        if not all(0.0 < float.fromhex(step) < math.inf for step in self.step):
            raise ValueError("no length of a step")
        if not all(abs(error) < _LARGEST for error in self.error):
            raise ValueError("no logarithm of an error")
        return self

    @classmethod
    def of(cls, pacing: Pacing) -> StoredPacing:
        hexed = {name: tuple(map(float.hex, getattr(pacing, name))) for name in _HEXED}
        return cls(**{**asdict(pacing), **hexed})

    @property
    def pacing(self) -> Pacing:
        found = {name: tuple(map(float.fromhex, getattr(self, name))) for name in _HEXED}
        return Pacing(**{**self.model_dump(), **found})


class Standing(_Table):
    """Where a run stands between two chunks, besides its fields: its place in the plan, and what it has written.

    `decay` and `wave`, as float.hex(), say how fast the fields could change when the run began: they settled the step.
    Where steps follow from their errors there is a `pace`, and `steps_between` is 0; where they solve systems it says
    how many `iterations` that has taken so far, and by which method of `krylov`, settled when the run began.
    """

    start: _Finite
    stop: _Finite
    steps_between: int = Field(ge=0)
    done: int = Field(ge=0)
    decay: _Hex
    wave: _Hex
    written: dict[str, Files]
    initial: dict[str, StoredStatistics]
    pace: StoredPacing | None = None
    iterations: dict[str, Annotated[int, Field(ge=0)]] = {}
    krylov: Krylov | None = None

    @model_validator(mode="after")
    def _on_the_way(self) -> Standing:
        if not (self.start < self.stop and self.done <= self.steps_between):
            raise ValueError("no place in a run")
        if (self.steps_between == 0) != (self.pace is not None):
            raise ValueError("steps between outputs, or a pace")
        if self.pace and not all(self.start <= time <= self.stop for time in self.pace.time):
            raise ValueError("a pace of another time")
        if MAIN not in self.written or not self.written[MAIN].times:
            raise ValueError("no snapshot was written")
        return self

    @classmethod
    def of(
        cls,
        position: Position,
        speed: Speed,
        written: Mapping[str, WrittenFiles],
        initial: Numbers,
        pacing: Pacing | None = None,
        iterations: Mapping[str, int] | None = None,
        krylov: Krylov | None = None,
    ) -> Standing:
        segment = position.segment
        return cls(
            start=segment.start,
            stop=segment.stop,
            steps_between=segment.steps,
            done=position.done,
            decay=speed.decay.hex(),
            wave=speed.wave.hex(),
            written={name: Files(times=tuple(w.times), steps=tuple(w.steps)) for name, w in written.items()},
            initial={
                name: StoredStatistics(**{key: float(value).hex() for key, value in numbers.items()})
                for name, numbers in initial.items()
            },
            pace=StoredPacing.of(pacing) if pacing else None,
            iterations=dict(iterations or {}),
            krylov=krylov,
        )

    @property
    def position(self) -> Position:
        segment = Segment(self.start, self.stop, self.steps_between)
        return segment.at(self.done, min(self.pace.time) if self.pace else self.stop)

    @property
    def pacing(self) -> Pacing | None:
        return self.pace.pacing if self.pace else None

    @property
    def speed(self) -> Speed:
        return Speed(float.fromhex(self.decay), float.fromhex(self.wave))

    @property
    def files(self) -> dict[str, WrittenFiles]:
        return {name: WrittenFiles(list(files.times), list(files.steps)) for name, files in self.written.items()}

    @property
    def initial_statistics(self) -> dict[str, dict[str, float]]:
        return {
            name: {key: float.fromhex(text) for key, text in statistics.model_dump().items()}
            for name, statistics in self.initial.items()
        }
