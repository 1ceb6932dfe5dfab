"""Run directories to look at, made by the program itself, and by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np


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
