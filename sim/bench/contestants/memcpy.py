"""What memory allows: as many copies of the field at once as there are cores, each its share of it; or by a device."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np

from sim.bench.work import Work
from sim.machine import cores

_REPEATS = 9
# A device is told of so many copies at once, for telling takes time too.
_AT_ONCE = 8


def main() -> None:
    work = Work.from_json(sys.argv[1])
    times = _by_cores(work) if jax.default_backend() == "cpu" else _by_device(work)
    print(json.dumps({"seconds": float(np.median(times)) * work.steps, "error": 0.0}))


def _by_cores(work: Work) -> list[float]:
    source = work.initial().reshape(-1)
    target = np.ones_like(source)
    parts = list(zip(np.array_split(source, cores()), np.array_split(target, cores()), strict=True))
    times = []
    with ThreadPoolExecutor(cores()) as pool:
        for _ in range(_REPEATS):
            begin = time.perf_counter()
            list(pool.map(lambda pair: np.copyto(pair[1], pair[0]), parts))
            times.append(time.perf_counter() - begin)
    return times


def _by_device(work: Work) -> list[float]:
    """Of one copy; the first of all compiles, and finds memory."""
    jax.config.update("jax_enable_x64", True)
    copied = jax.jit(jnp.copy)
    source = jnp.ones(work.shape, work.dtype)
    times = []
    for _ in range(1 + _REPEATS):
        begin = time.perf_counter()
        for _ in range(_AT_ONCE):
            target = copied(source)
        target.block_until_ready()
        times.append((time.perf_counter() - begin) / _AT_ONCE)
    return times[1:]


if __name__ == "__main__":
    main()
