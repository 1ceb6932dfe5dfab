"""`python -m sim bench --solvers`: what super-time-stepping and multigrid save, and what an equation as text costs."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import h5py
import numpy as np

import sim
from sim.result import Result

_ROUNDS = 3
# Who takes longer than this is not run again.
_SLOW = 5.0
_END = 0.01
_TOLERATED = 1e-3
_SWEEPS = 20
_CELL_STEPS = 1 << 30


@dataclass
class TimedCase:
    """A case by which something is computed; seconds of the loop or the solve, compiling left out, and the error."""

    name: str
    case: Mapping[str, Any]
    seconds: list[float] = field(default_factory=list)
    error: float = 0.0

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


@dataclass(frozen=True)
class SideBySide:
    """Ways to compute the same, beside the first; in_sweeps: its seconds are one sweep's, the unit of the others'."""

    title: str
    ways: list[TimedCase]
    tolerated: float
    in_sweeps: bool = False

    @property
    def right(self) -> bool:
        return all(way.error <= self.tolerated for way in self.ways)

    def lines(self) -> list[str]:
        first, *others = self.ways
        each = " a sweep" if self.in_sweeps else ""
        lines = [self.title, f"  {first.name}: {first.median:.3g} s{each}"]
        for way in others:
            ratio = way.median / first.median if self.in_sweeps else first.median / way.median
            told = f"{ratio:.1f} sweeps" if self.in_sweeps else f"{ratio:.2f} times as fast"
            lines.append(f"  {way.name}: {way.median:.3g} s, {told}, error {way.error:.1e}")
        return lines


def solving(quick: bool = False, as_json: bool = False) -> int:
    """Measure on this process, in turn, and print.  Returns the exit status: 1 where an error was too large."""
    comparisons = [stiff(256), poisson(1024), text(1024)] if quick else [stiff(1024), poisson(4096), text(4096)]
    if as_json:
        print(json.dumps({"solvers": [asdict(c) | {"right": c.right} for c in comparisons]}))
    else:
        print("\n".join(line for c in comparisons for line in c.lines()))
    return 0 if all(c.right for c in comparisons) else 1


def stiff(cells: int) -> SideBySide:
    """k over four decades, smooth; the error at the end is that against forward Euler, at its many steps."""
    k = "10 ** (-2 + 2 * sin(2 * pi * x) * sin(3 * pi * y))"

    def by(integrator: str, **time: Any) -> dict[str, Any]:
        return _square(
            cells,
            equation={
                "kind": "heat",
                "alpha": k,
                "mean": "harmonic",
            },
            initial={"u": "sin(pi * x) * sin(2 * pi * y)"},
            time={"end": _END, "integrator": integrator, **time},
            output={"every": _END},
            solver={"tolerance": 1e-5},
        )

    ways = [
        TimedCase("forward Euler", by("euler")),
        TimedCase("RKL2, 10 steps", by("rkl2", step=_END / 10)),
        TimedCase("TR-BDF2 by multigrid, 4 steps", by("tr-bdf2", step=_END / 4)),
    ]
    fields = _run_in_turn(ways, lambda result: result.march_seconds)
    reference = fields[0]
    for way, u in zip(ways, fields, strict=True):
        way.error = float(np.abs(u - reference).max() / np.abs(reference).max())
    return SideBySide(f"diffusion, k over 4 decades, {cells}², float64, to {_TOLERATED:g}", ways, _TOLERATED)


def poisson(cells: int) -> SideBySide:
    """∇²u = -q, u known; beside sweeps of the plain stencil, each through memory."""
    mode = "sin(pi * x) * sin(2 * pi * y)"

    def steady(tolerance: float) -> dict[str, Any]:
        return _square(
            cells,
            equation={"kind": "heat", "alpha": 1.0, "source": f"5 * pi**2 * {mode}"},
            initial={"u": 0.0},
            time={"steady": True},
            exact={"u": mode},
            solver={"tolerance": tolerance},
        )

    step = 0.2 / cells**2
    sweeps = _square(
        cells,
        equation={"kind": "heat", "alpha": 1.0},
        initial={"u": mode},
        time={"end": _SWEEPS * step, "step": step},
        parallel={"ghost_depth": 1, "tile": []},
    )
    ways = [
        TimedCase("a plain sweep", sweeps),
        TimedCase("full multigrid", steady(0.5)),
        TimedCase("to a residual of 1e-10", steady(1e-10)),
    ]
    _run_in_turn(ways, lambda result: result.march_seconds / (_SWEEPS if result.errors is None else 1))
    # The discretisation's own error is (π h)² (1 + 2⁴) / (12 (1 + 2²)) of u; full multigrid may double it.
    own = (np.pi / cells) ** 2 * 17 / 60
    return SideBySide(f"steady Poisson, {cells}², float64", ways, 2 * own, in_sweeps=True)


def text(cells: int) -> SideBySide:
    """The heat equation, built in and as text, through the same loop."""
    step, steps = 0.2 / cells**2, max(2, _CELL_STEPS // cells**2)

    def by(equation: Mapping[str, Any]) -> dict[str, Any]:
        return _square(
            cells,
            equation=equation,
            initial={"u": "sin(pi * x) * sin(pi * y)"},
            time={"end": steps * step, "step": step},
            numerics={"dtype": "float32"},
        )

    ways = [
        TimedCase("built in", by({"kind": "heat", "alpha": 0.5})),
        TimedCase("as text", by({"u": "0.5 * laplace(u)"})),
    ]
    fields = _run_in_turn(ways, lambda result: result.march_seconds)
    ways[1].error = float(np.abs(fields[1] - fields[0]).max())
    return SideBySide(f"the heat equation, {cells}², float32", ways, 1e-5)


def _square(cells: int, **tables: Any) -> dict[str, Any]:
    axis = {"cells": cells}
    case: dict[str, Any] = {
        "name": "bench",
        "grid": {"x": axis, "y": axis},
        "boundary": {"x": "dirichlet", "y": "dirichlet"},
        "numerics": {"dtype": "float64"},
    }
    return {**case, **tables}


def _run_in_turn(ways: list[TimedCase], seconds: Callable[[Result], float]) -> list[np.ndarray]:
    """Several rounds of all ways; of each the field at the end."""
    fields: dict[str, np.ndarray] = {}
    with TemporaryDirectory(prefix="sim-bench-") as folder:
        for number in range(_ROUNDS):
            for place, way in enumerate(ways):
                if max(way.seconds, default=0.0) > _SLOW:
                    continue
                result = sim.run(way.case, output=Path(folder) / f"{place}-{number}")
                way.seconds.append(seconds(result))
                if result.errors is not None:
                    way.error = result.errors["u"]["max"]
                with h5py.File(result.snapshots[-1]) as file:
                    fields[way.name] = file["u"][...]
    return [fields[way.name] for way in ways]
