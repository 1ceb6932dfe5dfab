"""The machine, as its file describes it."""

from __future__ import annotations

import platform
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from sim.bench.contestants.contest import cores
from sim.bench.scaling.fit import checks, fit_rate
from sim.bench.scaling.series import Series
from sim.measured import Machine, default_core, fit_link


def described(runs: Series, times: Mapping[int, float]) -> Machine:
    """What was measured, fitted, and held against the runs that the fit has not seen."""
    link = fit_link(list(times), list(times.values()))
    cache = int(default_core("float32").cache)
    found = Machine(
        name=f"{socket.gethostname()}, {_processor()}",
        date=datetime.now(UTC).date().isoformat(),
        cores=cores(),
        cache=cache,
        latency=link.latency,
        bandwidth=link.bandwidth,
        between=f"{cores()} ranks of one machine, by mpi4jax",
        rates=tuple(fit_rate(three, link, cache) for three in runs.rates),
    )
    core = found.core(2, "float32")
    assert core is not None
    return found.model_copy(update={"checks": tuple(checks(runs, core, link))})


def _processor() -> str:
    """Its name, where the system tells."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
