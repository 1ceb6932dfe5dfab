"""C that is compiled on the spot, and called with numpy's memory."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from sim.bench.contestants.contest import alpha_field
from sim.bench.work import Work
from sim.machine import cores

# Not -ffast-math: the library would then turn off subnormal numbers for the whole process that loads it.
_FLAGS = ("-O3", "-march=native", "-fopenmp", "-fPIC", "-shared")
_REAL = {"float32": "float", "float64": "double"}


@cache
def compiled(source: str, dtype: str) -> ctypes.CDLL:
    """The library of a source beside this file, REAL being of that dtype."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "march.so"
        program = Path(__file__).with_name(source)
        subprocess.run(["cc", *_FLAGS, f"-DREAL={_REAL[dtype]}", "-o", str(library), str(program)], check=True)
        return ctypes.CDLL(str(library))


def arguments(work: Work, u: np.ndarray, v: np.ndarray, steps: int) -> tuple[object, ...]:
    """What every march takes: u, v, α or NULL, dimensions, shape, steps, dt / h², threads."""
    alpha = _pointer(alpha_field(work)) if work.alpha == "field" else None
    counts = ctypes.c_int(u.ndim), longs(u.shape), ctypes.c_long(steps)
    return _pointer(u), _pointer(v), alpha, *counts, ctypes.c_double(work.ratio), ctypes.c_int(cores())


def longs(numbers: tuple[int, ...]) -> ctypes.Array[ctypes.c_long]:
    return (ctypes.c_long * len(numbers))(*numbers)


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
