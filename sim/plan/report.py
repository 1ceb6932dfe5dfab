"""A forecast in words, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sim.costs import tile_text
from sim.plan.forecast import Forecast
from sim.topology import axis_names


def to_text(found: Forecast) -> str:
    lines = [*_blocks(found), *_time(found)]
    lines += [f"  rates        {found.basis.rates_from}", f"  exchange     {found.basis.link_from}"]
    if found.basis.error is not None:
        lines.append(f"  error        runs of that machine's ranks were foretold within {found.basis.error:.0%}")
    return "\n".join(lines)


def _blocks(found: Forecast) -> list[str]:
    case, topology, (depth, tile) = found.case, found.topology, found.choice
    names = axis_names(case.ndim)
    grid = ", ".join(f"{name}={n}" for name, n in zip(names, topology.blocks, strict=True))
    sizes = _times(topology.largest)
    if topology.smallest != topology.largest:
        sizes = f"{_times(topology.smallest)} to {sizes}"
    devices = f" × {case.parallel.devices} devices" if (case.parallel.devices or 1) > 1 else ""
    tiles = f", in tiles of {tile_text(tile)}" if any(tile) else ""
    why = "as given" if case.parallel.ghost_depth else "the best"
    by_depth = ", ".join(f"{k}: {_seconds(seconds)}" for k, seconds in found.others.items())
    return [
        f"{case.name} on {found.ranks} rank{'s' * (found.ranks != 1)}{devices}: "
        f"{_times(topology.shape)} cells{_members(found)}, {case.numerics.dtype}",
        f"  process grid {grid}",
        f"  blocks       {sizes} cells{tiles}",
        f"  ghost depth  {depth} stage{'s' * (depth > 1)} an exchange, {why} (a step by depth: {by_depth})",
        f"  memory       {_bytes(found.memory)} a block for {found.arrays} arrays, "
        f"{_bytes(found.memory * found.places)} in all, beside what Python and JAX take",
        f"  messages     {found.messages:.3g} and {_bytes(found.message_bytes)} a step from each block",
    ]


def _members(found: Forecast) -> str:
    if found.case.ensemble is None:
        return ""
    spread = f", at most {found.held} on each" if found.topology.count < found.places else ""
    return f" of {found.case.ensemble.members} members{spread}"


def _time(found: Forecast) -> list[str]:
    parts, total = found.parts, sum(found.parts)
    of = f" of {found.stages} stages" if found.stages > 1 else ""
    lines = [
        f"  a step       {_seconds(found.seconds)}{of}: {(parts.cells + parts.tiles) / total:.0%} cells, "
        f"{parts.memory / total:.0%} memory, {parts.ghosts / total:.0%} ghost cells, "
        f"{parts.exchange / total:.0%} exchange",
        f"  efficiency   {found.efficiency:.1%}, {found.cells / found.seconds:.3g} cells/s",
    ]
    if found.case.time.integrator == "auto":
        lines.append(f"  integrator   {found.integrator}")
    return [*lines, *_whole(found)]


def _whole(found: Forecast) -> list[str]:
    time = found.case.time
    unknown = "depends on fields, which a plan does not make of so many cells"
    if found.steps is not None:
        lines = [f"  whole run    {found.steps:,} steps, {_seconds(found.steps * found.seconds)} without its outputs"]
        if found.speed is None:
            lines.append(f"  assumed      that time.step = {time.step:g} is stable, which {unknown}")
        return lines
    return [] if time.adaptive else [f"  whole run    of steps whose length {unknown}"]


def to_json(found: Forecast) -> str:
    topology, basis = found.topology, found.basis
    fields: dict[str, Any] = {
        "case": found.case.name,
        "ranks": found.ranks,
        "members_a_place": found.held,
        "process_grid": topology.blocks,
        "largest_block": topology.largest,
        "smallest_block": topology.smallest,
        "ghost_depth": found.choice.stages,
        "tile": found.choice.tile,
        "memory_bytes": found.memory,
        "messages_a_step": found.messages,
        "message_bytes_a_step": found.message_bytes,
        "seconds_a_step": found.seconds,
        "seconds_a_step_by_depth": found.others,
        "seconds_a_stage": found.parts._asdict(),
        "efficiency": found.efficiency,
        "integrator": found.integrator,
        "steps": found.steps,
        "steps_assumed": found.steps is not None and found.speed is None,
        "rates": {**asdict(basis.rates), "from": basis.rates_from},
        "link": {**asdict(basis.link), "from": basis.link_from},
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
