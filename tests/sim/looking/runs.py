"""Run directories to look at: made by the program itself, made by hand, and changed by others."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from sim.looking.field import Field, fields_of
from sim.output import lock
from sim.output.lock import Holder


def write_fields(path: Path, time: float, fields: dict[str, np.ndarray], axes: Sequence[np.ndarray]) -> None:
    """A snapshot as a run writes it: each field ([z,] y, x) on the cell centres of `axes`."""
    names = ("z", "y", "x")[-len(axes) :]
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, values in {"time": np.array([time]), **dict(zip(names, axes, strict=True))}.items():
            scale = file.create_dataset(name, data=values)
            scale.make_scale(name)
            scale.attrs["units"] = "s" if name == "time" else "m"
        for name, values in fields.items():
            dataset = file.create_dataset(name, data=values[np.newaxis])
            dataset.attrs.update(units="K", long_name=name)
            for axis, scale in enumerate(("time", *names)):
                dataset.dims[axis].attach_scale(file[scale])


def write_run(path: Path, frames: dict[float, dict[str, np.ndarray]], status: str = "complete") -> Path:
    """A run directory without results.h5, on cells of width 1 from 0 on."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "case.toml").write_text("name = 'hand'\n")
    (path / "run.json").write_text(json.dumps({"status": status, "case": "hand"}))
    for number, (time, fields) in enumerate(frames.items()):
        shape = next(iter(fields.values())).shape
        write_fields(path / f"snapshots/{number}.h5", time, fields, [np.arange(n) + 0.5 for n in shape])
    return path


def edit(path: Path, change: Callable[[h5py.File], None]) -> None:
    with h5py.File(path, "r+") as file:
        change(file)


def attached(file: h5py.File, dataset: h5py.Dataset) -> None:
    for axis, name in enumerate(("time", "y", "x")):
        dataset.dims[axis].attach_scale(file[name])


AMPLE: dict[str, Any] = {
    "output__extra": {"cut": {"at": {"y": 1.0}, "every": 0.005}, "wide": {"stride": {"x": 2}}},
    "probes": {"every": 1, "points": {"middle": {"at": {"x": 1.0, "y": 1.0}}}, "regions": {"all": {"where": "x > 0"}}},
}


def record(run: Path, content: str | bytes) -> Path:
    (run / "run.json").write_bytes(content if isinstance(content, bytes) else content.encode())
    return run


def lock_it(run: Path, holder: Holder | None = None) -> None:
    """Have somebody at it."""
    (run / lock.NAME).write_text(json.dumps(asdict(holder or Holder.myself())))


SHAPES = [(20,), (12, 16), (5, 6, 7)]


def ramp(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.float64).reshape(shape)


def made(path: Path, shape: tuple[int, ...], times: int = 3) -> Path:
    return write_run(path, {0.5 * i: {"u": ramp(shape) + i, "v": -ramp(shape)} for i in range(times)})


def field_of(path: Path, shape: tuple[int, ...]) -> Field:
    return fields_of(made(path, shape, 1) / "snapshots/0.h5")["u"]
