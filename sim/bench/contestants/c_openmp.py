"""C with OpenMP, compiled on the spot: two buffers in turn, as one writes it."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from sim.bench.contestants.contest import contest, cores
from sim.bench.work import Work

_SOURCE = r"""
#include <stddef.h>
#define AT2(a, i, j) a[(size_t)(i) * m + (j)]
#define AT3(a, i, j, k) a[((size_t)(i) * m + (j)) * m + (k)]

static void step2(const REAL *restrict u, REAL *restrict v, long m, REAL ratio) {
    #pragma omp for schedule(static)
    for (long i = 1; i < m - 1; i++) {
        for (long j = 1; j < m - 1; j++) {
            REAL around = AT2(u, i - 1, j) + AT2(u, i + 1, j) + AT2(u, i, j - 1) + AT2(u, i, j + 1);
            AT2(v, i, j) = AT2(u, i, j) + ratio * (around - 4 * AT2(u, i, j));
        }
        AT2(v, i, 0) = -AT2(v, i, 1);
        AT2(v, i, m - 1) = -AT2(v, i, m - 2);
    }
    #pragma omp for schedule(static)
    for (long j = 0; j < m; j++) {
        AT2(v, 0, j) = -AT2(v, 1, j);
        AT2(v, m - 1, j) = -AT2(v, m - 2, j);
    }
}

static void step3(const REAL *restrict u, REAL *restrict v, long m, REAL ratio) {
    #pragma omp for schedule(static)
    for (long i = 1; i < m - 1; i++) {
        for (long j = 1; j < m - 1; j++) {
            for (long k = 1; k < m - 1; k++) {
                REAL around = AT3(u, i - 1, j, k) + AT3(u, i + 1, j, k) + AT3(u, i, j - 1, k)
                            + AT3(u, i, j + 1, k) + AT3(u, i, j, k - 1) + AT3(u, i, j, k + 1);
                AT3(v, i, j, k) = AT3(u, i, j, k) + ratio * (around - 6 * AT3(u, i, j, k));
            }
            AT3(v, i, j, 0) = -AT3(v, i, j, 1);
            AT3(v, i, j, m - 1) = -AT3(v, i, j, m - 2);
        }
        for (long k = 0; k < m; k++) {
            AT3(v, i, 0, k) = -AT3(v, i, 1, k);
            AT3(v, i, m - 1, k) = -AT3(v, i, m - 2, k);
        }
    }
    #pragma omp for schedule(static)
    for (long j = 0; j < m; j++)
        for (long k = 0; k < m; k++) {
            AT3(v, 0, j, k) = -AT3(v, 1, j, k);
            AT3(v, m - 1, j, k) = -AT3(v, m - 2, j, k);
        }
}

void march(REAL *u, REAL *v, int ndim, long m, long steps, double ratio, int threads) {
    #pragma omp parallel num_threads(threads)
    for (long s = 0; s < steps; s++) {
        REAL *from = s % 2 ? v : u, *to = s % 2 ? u : v;
        if (ndim == 2) step2(from, to, m, (REAL)ratio); else step3(from, to, m, (REAL)ratio);
    }
}
"""


def compiled(dtype: str) -> ctypes.CDLL:
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "march.c", Path(folder) / "march.so"
        source.write_text(_SOURCE)
        real = {"float32": "float", "float64": "double"}[dtype]
        # Not -ffast-math: the library would then turn off subnormal numbers for the whole process that loads it.
        flags = ["-O3", "-march=native", "-fopenmp", "-fPIC", "-shared", f"-DREAL={real}"]
        subprocess.run(["cc", *flags, "-o", str(library), str(source)], check=True)
        return ctypes.CDLL(str(library))


def loop(work: Work, u: np.ndarray, steps: int) -> np.ndarray:
    v = np.empty_like(u)
    for axis in range(u.ndim):
        turned = np.moveaxis(u, axis, 0)
        turned[0], turned[-1] = -turned[1], -turned[-2]
    pointers = [ctypes.c_void_p(a.ctypes.data) for a in (u, v)]
    sizes = [ctypes.c_int(u.ndim), ctypes.c_long(u.shape[0]), ctypes.c_long(steps)]
    _library(work.dtype).march(*pointers, *sizes, ctypes.c_double(work.ratio), ctypes.c_int(cores()))
    return v if steps % 2 else u


_libraries: dict[str, ctypes.CDLL] = {}


def _library(dtype: str) -> ctypes.CDLL:
    if dtype not in _libraries:
        _libraries[dtype] = compiled(dtype)
    return _libraries[dtype]


if __name__ == "__main__":
    contest(loop)
