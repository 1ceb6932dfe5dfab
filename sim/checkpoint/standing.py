"""Where a run stands between two chunks, besides its fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sim.output.stream import MAIN, Written
from sim.schedule import Position, Segment
from sim.stepping import Speed

_Finite = Annotated[float, Field(allow_inf_nan=False)]

# A number that JSON need not know: it may be infinite, a mean that has overflown even nan.
_Hex = Annotated[str, Field(pattern=r"^(-?0x[01]\.[0-9a-f]{1,13}p[+-][0-9]{1,4}|-?inf|nan)$")]


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


class Statistics(_Table):
    """What a field was like at time 0, as float.hex()."""

    min: _Hex
    max: _Hex
    mean: _Hex


class Standing(_Table):
    """Where a run stands between two chunks, besides its fields: its place in the plan, and what it has written.

    `decay` and `wave`, as float.hex(), say how fast the fields could change when the run began: they settled the step.
    """

    start: _Finite
    stop: _Finite
    steps_between: int = Field(ge=1)
    done: int = Field(ge=0)
    decay: _Hex
    wave: _Hex
    written: dict[str, Files]
    initial: dict[str, Statistics]

    @model_validator(mode="after")
    def _on_the_way(self) -> Standing:
        if not (self.start < self.stop and self.done <= self.steps_between):
            raise ValueError("no place in a run")
        if MAIN not in self.written or not self.written[MAIN].times:
            raise ValueError("no snapshot was written")
        return self

    @classmethod
    def of(cls, position: Position, speed: Speed, written: Mapping[str, Written], initial: Numbers) -> Standing:
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
                name: Statistics(**{key: float(value).hex() for key, value in numbers.items()})
                for name, numbers in initial.items()
            },
        )

    @property
    def position(self) -> Position:
        return Position(Segment(self.start, self.stop, self.steps_between), self.done)

    @property
    def speed(self) -> Speed:
        return Speed(float.fromhex(self.decay), float.fromhex(self.wave))

    @property
    def files(self) -> dict[str, Written]:
        return {name: Written(list(files.times), list(files.steps)) for name, files in self.written.items()}

    @property
    def initial_statistics(self) -> dict[str, dict[str, float]]:
        return {
            name: {key: float.fromhex(text) for key, text in statistics.model_dump().items()}
            for name, statistics in self.initial.items()
        }
