"""What memory allows: as many copies of the field at once as there are cores, each its share of it."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from sim.bench.work import Work
from sim.machine import cores

_REPEATS = 9


def main() -> None:
    work = Work.from_json(sys.argv[1])
    source = work.initial().reshape(-1)
    target = np.ones_like(source)
    parts = list(zip(np.array_split(source, cores()), np.array_split(target, cores()), strict=True))
    times = []
    with ThreadPoolExecutor(cores()) as pool:
        for _ in range(_REPEATS):
            begin = time.perf_counter()
            list(pool.map(lambda pair: np.copyto(pair[1], pair[0]), parts))
            times.append(time.perf_counter() - begin)
    print(json.dumps({"seconds": float(np.median(times)) * work.steps, "error": 0.0}))


if __name__ == "__main__":
    main()
