"""[checkpoint]: what a run that is killed does not lose."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field, PlainValidator

from sim.case.table import Table

_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}
_NEVER = "never"


def seconds_of_duration(text: str) -> float:
    """ "30 s", "10 min" or "2 h" in seconds.  Raises ValueError for anything else."""
    parts = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?) ?(s|min|h)", text)
    if parts is None or float(parts[1]) == 0:
        raise ValueError('a duration is a positive number and s, min or h, such as "10 min"')
    return float(parts[1]) * _UNITS[parts[2]]


def seconds_of_limit(text: str) -> float:
    """Seconds, or SLURM's [days-]hours:minutes:seconds, in seconds.  Raises ValueError for anything else."""
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text) and float(text) > 0:
        return float(text)
    parts = re.fullmatch(r"(?:(\d{1,4})-)?(\d{1,4}):([0-5]\d):([0-5]\d)", text)
    if parts is None:
        raise ValueError('a time limit is a positive number of seconds, or hours:minutes:seconds such as "2:00:00"')
    days, hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def _interval(value: Any) -> int | str:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    if not isinstance(value, str):
        raise ValueError(f'give steps as a whole number, a duration such as "10 min", or "{_NEVER}"')
    if value != _NEVER:
        seconds_of_duration(value)
    return value


def _limit(value: Any) -> str | None:
    if value is None:
        return None
    text = str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value
    if not isinstance(text, str):
        raise ValueError('a time limit is a number of seconds, or a text such as "2:00:00"')
    seconds_of_limit(text)
    return text


class CheckpointTable(Table):
    every: Annotated[int | str, PlainValidator(_interval)] = Field(
        "10 min", description='between checkpoints: "10 min", "30 s", a number of steps, or "never"'
    )
    keep: int = Field(2, ge=1, le=1000, description="how many are kept, the last ones")
    at_end: bool = Field(True, description="one when the run is done, to go on from with a later time.end")
    time_limit: Annotated[str | None, PlainValidator(_limit)] = Field(
        None, description="wall time, seconds or 2:00:00, before which to stop; by default the SLURM job's"
    )

    @property
    def every_steps(self) -> int | None:
        return self.every if isinstance(self.every, int) else None

    @property
    def every_seconds(self) -> float | None:
        return None if isinstance(self.every, int) or self.every == _NEVER else seconds_of_duration(self.every)
