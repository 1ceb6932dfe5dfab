"""Runs many cases in one program, on however many ranks and devices; rank 0 prints what came of them as JSON."""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

import h5py
import numpy as np

import sim
from sim.distributed import Rendezvous

CELLS = {1: {"x": 61}, 2: {"x": 23, "y": 29}, 3: {"x": 11, "y": 13, "z": 17}}
MIXED = {
    "x": {"lower": {"kind": "dirichlet", "value": 1.5}, "upper": {"kind": "neumann", "flux": -0.7}},
    "y": "periodic",
    "z": {"lower": "neumann", "upper": {"kind": "dirichlet", "value": -0.25}},
}


def table(ndim: int, dtype: str, stencil: str) -> dict[str, Any]:
    axes = "xyz"[:ndim]
    waves = " * ".join(f"cos({i + 2} * {axis} + 0.3)" for i, axis in enumerate(axes))
    return {
        "name": "bits",
        "grid": {axis: {"cells": n, "upper": 1.0 + 0.1 * n} for axis, n in CELLS[ndim].items()},
        "equation": {"kind": "heat", "alpha": 0.7, "source": "x * (3 - x)"},
        "initial": {"u": f"1 + {waves}"},
        "boundary": {axis: MIXED[axis] for axis in axes},
        "time": {"end": 0.11, "step": 0.0032 / ndim},
        "output": {"every": 0.05},
        "numerics": {"dtype": dtype, "stencil": stencil},
        "exact": {"u": f"exp(-t) * {waves}"},
    }


CASES = [
    (1, "float64", "slices", 3, None),
    (2, "float32", "slices", 1, None),
    (2, "float64", "conv", 2, None),
    (2, "float32", "slices", 4, 3),
    (3, "float64", "slices", 2, None),
    (3, "float32", "slices", 3, 1),
]


def main() -> None:
    parallel = json.loads(sys.argv[1])
    rendezvous = Rendezvous(*json.loads(sys.argv[2])) if len(sys.argv) > 2 else None
    found = {}
    for ndim, dtype, stencil, depth, slab in CASES:
        name = f"{ndim}-D {dtype} {stencil} depth {depth} slab {slab}"
        where = {**parallel, "ghost_depth": depth} if slab is None else {**parallel, "ghost_depth": depth, "slab": slab}
        case = {**table(ndim, dtype, stencil), "parallel": where}
        result = sim.run(case, output=f"out/{name}", rendezvous=rendezvous)
        rendezvous = None if rendezvous is None else rendezvous
        numbers = [result.statistics, result.errors, result.drift, result.steps]
        with h5py.File(result.series) as file:
            field = np.ascontiguousarray(file["u"][:])
        found[name] = [hashlib.sha256(field.tobytes()).hexdigest(), numbers, result.process_grid]
    print(json.dumps(found) if result.ranks == 1 or _first() else "")


def _first() -> bool:
    import jax

    if "mpi4py.MPI" in sys.modules:
        from mpi4py import MPI

        return MPI.COMM_WORLD.Get_rank() == 0
    return jax.process_index() == 0


if __name__ == "__main__":
    main()
