"""The machine, as its file describes it."""

from __future__ import annotations

import platform
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from sim.bench.scaling.campaign import Campaign
from sim.bench.scaling.fit import checks, fit_rates
from sim.machine import cores, l2_bytes
from sim.measured import Machine
from sim.messages import fit_link


def described(runs: Campaign, times: Mapping[int, float]) -> Machine:
    """What was measured, fitted, and held against the runs that the fit has not seen."""
    link = fit_link(list(times), list(times.values()))
    cache = l2_bytes()
    found = Machine(
        name=f"{socket.gethostname()}, {_processor()}",
        date=datetime.now(UTC).date().isoformat(),
        cores=cores(),
        cache=cache,
        latency=link.latency,
        bandwidth=link.bandwidth,
        between=f"{cores()} ranks of one machine, by mpi4jax",
        measured=tuple(fit_rates(three, link, cache) for three in runs.rates),
    )
    of_the_lines = found.measured[0].rates
    return found.model_copy(update={"checks": tuple(checks(runs, of_the_lines, link, cache))})


def _processor() -> str:
    """Its name, where the system tells."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
