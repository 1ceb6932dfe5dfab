"""run.json and progress.json, as far as is wanted of them, checked."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sim.errors import SimError

_LARGEST = 64 << 20

Numbers = dict[str, dict[str, float | None]]


class Resumed(BaseModel):
    """Where a run stood when it went on."""

    step: int
    time: float


class Record(BaseModel):
    """What run.json says; a run that goes on, or has failed, says less."""

    model_config = ConfigDict(frozen=True)

    status: str = "unknown"
    error: str | None = None
    stopped: str | None = None
    resumed: Resumed | None = None
    case: str = ""
    started: str = ""
    command: list[str] = []
    versions: dict[str, str] = {}
    xla_flags: str = ""
    platform: str = ""
    transport: str = ""
    ranks: int | None = None
    process_grid: list[int] = []
    ghost_depth: int | None = None
    tile: list[int] = []
    time: float | None = None
    steps: int | None = None
    cells: int | None = None
    setup_seconds: float | None = None
    compile_seconds: float | None = None
    march_seconds: float | None = None
    output_seconds: float | None = None
    cells_per_second: float | None = None
    teff: float | None = None
    statistics: Numbers = {}
    drift: float | None = None
    errors: Numbers | None = None
    snapshots: list[str] = []


class Progress(BaseModel):
    """What a run last said of where it is."""

    model_config = ConfigDict(frozen=True)

    step: int = Field(ge=0)
    steps: int | None = Field(ge=0)
    time: float
    end: float
    cells_per_second: float = 0.0
    seconds_left: float | None = None
    host: str = ""
    pid: int = Field(gt=0)
    written: datetime

    @property
    def fraction(self) -> float:
        """How much of the way is behind: by its steps, or where their number will be seen by time."""
        done, whole = (self.time, self.end) if self.steps is None else (self.step, self.steps)
        return min(max(done / whole, 0.0), 1.0) if whole else 1.0

    @property
    def age(self) -> float:
        """Seconds since it was written."""
        return max((datetime.now(UTC) - _in_utc(self.written)).total_seconds(), 0.0)

    def is_of(self, record: Record) -> bool:
        """Whether it was written by the run of that record, and not by one before it in the same directory."""
        try:
            return _in_utc(self.written) >= _in_utc(datetime.fromisoformat(record.started))
        except ValueError:
            return True

    @property
    def is_dead(self) -> bool:
        """Whether the process that wrote it is known to be gone; on another host nothing is known."""
        if self.host != socket.gethostname():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except (PermissionError, OverflowError):
            return False
        return False


def _in_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


Model = TypeVar("Model", bound=BaseModel)


def read(path: Path, model: type[Model]) -> Model | None:
    """The JSON file as a model; None where there is none.  Raises SimError for one that isn't what it should be."""
    text = read_text(path, _LARGEST)
    if text is None:
        return None
    try:
        return parsed(text, json.loads, model, "JSON")
    except ValueError as error:
        raise SimError(f"{path} isn't a run's record: {error}; give the directory of a run") from None


def parsed(text: str, parse: Callable[[str], Any], model: type[Model], kind: str) -> Model:
    """A text as a model.  Raises ValueError, in one line, where it can't be parsed or isn't what it should be."""
    try:
        return model.model_validate(parse(text))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except (ValueError, RecursionError) as error:
        why = f"it isn't {kind}: {error!s:.100}"
    raise ValueError(why)


def read_text(path: Path, largest: int) -> str | None:
    """A text file of at most `largest` bytes; None where there is none.  Raises SimError."""
    try:
        if not path.exists():
            return None
        if not path.is_file() or path.stat().st_size > largest:
            raise SimError(f"{path} is no regular file of at most {largest} bytes; it isn't of a run")
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise SimError(f"{path} can't be read as text: {error!s:.200}; give the directory of a run") from None


def read_lines(path: Path, largest: int) -> list[dict[str, Any]]:
    """The objects of a JSON-lines file, the last of which may still be in the writing."""
    found = []
    for line in (read_text(path, largest) or "").splitlines():
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            found.append(value)
    return found
