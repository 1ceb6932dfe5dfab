"""A forecast in words, and as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from sim.plan.forecast import Forecast
from sim.topology import axis_names


def to_text(found: Forecast) -> str:
    case, load, cost, topology = found.case, found.load, found.cost, found.load.topology
    names = axis_names(case.ndim)
    grid = ", ".join(f"{name}={n}" for name, n in zip(names, topology.blocks, strict=True))
    alike = topology.largest == topology.smallest
    sizes = _times(topology.largest) if alike else f"{_times(topology.smallest)} to {_times(topology.largest)}"
    step, of = ("step", "") if load.stages == 1 else ("stage", f" of {load.stages} stages")
    total = cost.seconds or 1.0
    by_depth = ", ".join(f"{k}: {_seconds(seconds)}" for k, seconds in found.others.items())
    devices = f" × {case.parallel.devices} devices" if (case.parallel.devices or 1) > 1 else ""
    lines = [
        f"{case.name} on {found.ranks} rank{'s' * (found.ranks != 1)}{devices}: "
        f"{_times(topology.shape)} cells, {case.numerics.dtype}",
        f"  process grid {grid}",
        f"  blocks       {sizes} cells",
        f"  ghost depth  {found.depth} {step}{'s' * (found.depth > 1)} an exchange, "
        f"{'as given' if found.depth_given else 'the best'} (a step by depth: {by_depth})",
        f"  memory       {_bytes(found.memory)} a block for {load.arrays} arrays, "
        f"{_bytes(found.memory * topology.count)} in all, beside what Python and JAX take",
        f"  messages     {found.messages:.3g} and {_bytes(found.message_bytes)} a step from each block",
        f"  a step       {_seconds(found.seconds)}{of}: "
        f"{cost.cells / total:.0%} cells, {cost.memory / total:.0%} memory, {cost.ghosts / total:.0%} ghost cells, "
        f"{cost.exchange / total:.0%} exchange",
        f"  efficiency   {found.efficiency:.1%}, {math.prod(topology.shape) / found.seconds:.3g} cells/s",
    ]
    if found.steps is not None:
        lines.append(
            f"  whole run    {found.steps:,} steps, {_seconds(found.steps * found.seconds)} without its outputs"
        )
    lines += [f"  rates        {found.basis.core_from}", f"  exchange     {found.basis.link_from}"]
    if found.basis.error is not None:
        lines.append(f"  error        runs of that machine's ranks were foretold within {found.basis.error:.0%}")
    return "\n".join(lines)


def to_json(found: Forecast) -> str:
    topology, cost, basis = found.load.topology, found.cost, found.basis
    fields: dict[str, Any] = {
        "case": found.case.name,
        "ranks": found.ranks,
        "process_grid": topology.blocks,
        "largest_block": topology.largest,
        "smallest_block": topology.smallest,
        "ghost_depth": found.depth,
        "ghost_depth_given": found.depth_given,
        "memory_bytes": found.memory,
        "messages_a_step": found.messages,
        "message_bytes_a_step": found.message_bytes,
        "seconds_a_step": found.seconds,
        "seconds_a_step_by_depth": found.others,
        "seconds_a_stage": {
            "cells": cost.cells,
            "memory": cost.memory,
            "ghost_cells": cost.ghosts,
            "exchange": cost.exchange,
        },
        "efficiency": found.efficiency,
        "steps": found.steps,
        "rates": {
            "cells_per_second": basis.core.cells_per_second,
            "bytes_per_second": basis.core.bytes_per_second if math.isfinite(basis.core.bytes_per_second) else None,
            "from": basis.core_from,
        },
        "link": {"latency": basis.link.latency, "bandwidth": basis.link.bandwidth, "from": basis.link_from},
        "worst_error": basis.error,
    }
    return json.dumps(fields, allow_nan=False)


def _times(sizes: Sequence[int]) -> str:
    return " × ".join(map(str, sizes))


def _bytes(count: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:.3g} B"


def _seconds(count: float) -> str:
    for unit, size in (("h", 3600.0), ("min", 60.0), ("s", 1.0), ("ms", 1e-3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count / 1e-6:.3g} µs"
