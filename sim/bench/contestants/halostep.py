"""A work as a case of our own, and what its run says came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from sim.bench.work import Work


@dataclass(frozen=True)
class Taken:
    """Seconds that all steps took, compiling and tuning left out, the error, and the seconds of it spent on outputs.

    Of our own runs also the process grid, the stages an exchange, and the tile.
    """

    seconds: float
    error: float
    writing: float = 0.0
    blocks: tuple[int, ...] = ()
    depth: int = 1
    tile: tuple[int, ...] = ()


def command_of(work: Work, folder: Path) -> list[str]:
    """The arguments of `python -m sim` that run a work in a folder."""
    path = folder / "work.toml"
    path.write_text(tomlkit.dumps(case_of(work)), encoding="utf-8")
    # So few steps would not be worth tuning for.
    return ["run", str(path), "--json", "--tune", "--output", str(folder / "run"), "--overwrite"]


def case_of(work: Work) -> Mapping[str, Any]:
    names = "zyx"[-work.ndim :]
    sizes = [n * work.spacing for n in work.shape]
    axes = list(zip(names, work.shape, sizes, work.half_waves, strict=True))
    mode = " * ".join(f"sin({m} * pi * {name} / {size!r})" for name, _, size, m in axes)
    case: dict[str, Any] = {
        "name": "bench",
        "grid": {name: {"cells": n, "upper": size} for name, n, size, _ in axes},
        "equation": {"kind": "heat", "alpha": 1.0 if work.alpha == "constant" else "1 + 0 * x"},
        "initial": {"u": mode},
        "boundary": dict.fromkeys(names, "dirichlet"),
        "time": {"end": work.steps * work.dt, "step": work.dt},
        "numerics": {"dtype": work.dtype},
    }
    if work.every:
        case["output"] = {"every": work.every * work.dt}
    else:
        # The loop alone: the first file would be written beside it.
        case["parallel"] = {"overlap": False}
    if not work.lean:
        case["exact"] = {"u": f"{mode} * exp(-{work.rate!r} * t)"}
    return case


def read_run(work: Work, result: Any) -> Taken:
    """What `sim run --json` has printed.  Raises ValueError where it took other steps."""
    if result["steps"] != work.steps:
        raise ValueError(f"it took {result['steps']} steps instead of {work.steps}")
    writing = result["output_seconds"] if work.every else 0.0
    how = (tuple(result["process_grid"]), result["ghost_depth"], tuple(result["tile"]))
    return Taken(result["march_seconds"] + writing, _error(work, result), writing, *how)


def _error(work: Work, result: Any) -> float:
    """Of all cells, or of the largest value alone."""
    if work.lean:
        return abs(result["statistics"]["u"]["max"] - work.largest())
    error: float = result["errors"]["u"]["max"]
    return error
