"""Cases that show whether a decomposition can be seen in the numbers: uneven, prime, with walls of all kinds."""

from __future__ import annotations

from typing import Any

CELLS = {1: {"x": 317}, 2: {"x": 23, "y": 29}, 3: {"x": 11, "y": 13, "z": 17}}

SIDES: dict[str, dict[str, Any]] = {
    "mixed": {
        "x": {"lower": {"kind": "dirichlet", "value": 1.5}, "upper": {"kind": "neumann", "flux": -0.7}},
        "y": "periodic",
        "z": {"lower": "neumann", "upper": {"kind": "dirichlet", "value": -0.25}},
    },
    "walls": {axis: {"kind": "dirichlet", "value": 0.3} for axis in "xyz"},
    "closed": dict.fromkeys("xyz", "neumann"),
    "rings": dict.fromkeys("xyz", "periodic"),
}


def table(ndim: int, dtype: str, sides: str = "mixed", stencil: str = "slices") -> dict[str, Any]:
    axes = "xyz"[:ndim]
    waves = " * ".join(f"cos({i + 2} * {axis} + 0.3)" for i, axis in enumerate(axes))
    return {
        "name": "bits",
        "grid": {axis: {"cells": n, "upper": 1.0 + 0.1 * n} for axis, n in CELLS[ndim].items()},
        "equation": {"kind": "heat", "alpha": 0.7, "source": "x * (3 - x)"},
        "initial": {"u": f"1 + {waves}"},
        "boundary": {axis: SIDES[sides][axis] for axis in axes},
        # An odd number of steps in all, with outputs between.
        "time": {"end": 0.31, "step": 0.0032 / ndim},
        "output": {"every": 0.1},
        "numerics": {"dtype": dtype, "stencil": stencil},
        "exact": {"u": f"exp(-t) * {waves}"},
    }
