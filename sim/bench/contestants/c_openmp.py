"""C with OpenMP, compiled on the spot."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from sim.bench.contestants.contest import alpha_field, contest, fill_ghosts
from sim.bench.work import Work
from sim.machine import cores

_SOURCE = Path(__file__).with_name("march.c")
# Not -ffast-math: the library would then turn off subnormal numbers for the whole process that loads it.
_FLAGS = ("-O3", "-march=native", "-fopenmp", "-fPIC", "-shared")
_REAL = {"float32": "float", "float64": "double"}


@cache
def compiled(dtype: str) -> ctypes.CDLL:
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "march.so"
        subprocess.run(["cc", *_FLAGS, f"-DREAL={_REAL[dtype]}", "-o", str(library), str(_SOURCE)], check=True)
        return ctypes.CDLL(str(library))


def loop(work: Work, u: np.ndarray, steps: int) -> np.ndarray:
    v = np.empty_like(u)
    fill_ghosts(u)
    alpha = _pointer(alpha_field(work)) if work.alpha == "field" else None
    shape = (ctypes.c_long * u.ndim)(*u.shape)
    how = (ctypes.c_int(u.ndim), shape, ctypes.c_long(steps), ctypes.c_double(work.ratio), ctypes.c_int(cores()))
    compiled(work.dtype).march(_pointer(u), _pointer(v), alpha, *how)
    return v if steps % 2 else u


def _pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


if __name__ == "__main__":
    contest(loop)
