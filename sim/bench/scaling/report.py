"""Scaling as Markdown tables and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from sim.bench.measuring import Entry
from sim.bench.scaling.campaign import Campaign
from sim.bench.scaling.fit import step_seconds
from sim.measured import Machine


def efficiency(line: Mapping[int, Entry], weak: bool) -> dict[int, float]:
    """Of each number of ranks: how much of one rank's speed each of them keeps."""
    alone = step_seconds(line[1])
    return {n: alone / (step_seconds(run) * (1 if weak else n)) for n, run in line.items()}


def print_tables(runs: Campaign, times: Mapping[int, float], found: Machine, path: Path) -> None:
    for weak, line in ((False, runs.strong), (True, runs.weak)):
        print(_table(line, weak, found), end="\n\n")
    print("A message to the next rank, all sending at once\n")
    print("| bytes | µs | by the fit |\n|---:|---:|---:|")
    for size, seconds in times.items():
        print(f"| {size} | {seconds * 1e6:.1f} | {found.link.seconds(size) * 1e6:.1f} |")
    print(f"\nlatency {found.latency * 1e6:.1f} µs, bandwidth {found.bandwidth / 1e9:.2f} GB/s\n")
    print("| a rank, all cores busy | GB/s in its cache | beyond it | to and from memory | ns to start a tile |")
    print("|---|---:|---:|---:|---:|")
    for m in found.measured:
        speeds = " | ".join(f"{speed / 1e9:.1f}" for speed in (m.in_cache, m.beyond, m.memory))
        print(f"| {m.ndim}-D, {m.dtype} | {speeds} | {m.tile_seconds * 1e9:.0f} |")
    if found.worst_error is not None:
        print(f"\nRuns that the rates were not fitted to are foretold within {found.worst_error:.0%}.")
    print(f"Saved in {path}, for `sim plan CASE --ranks N`.", flush=True)


def print_json(runs: Campaign, times: Mapping[int, float], found: Machine, path: Path) -> None:
    lines = {}
    for weak, line in ((False, runs.strong), (True, runs.weak)):
        kept = efficiency(line, weak)
        lines["weak" if weak else "strong"] = [
            {
                "ranks": n,
                "shape": run.work.shape,
                "process_grid": run.taken[-1].blocks,
                "ghost_depth": run.taken[-1].depth,
                "seconds": run.seconds,
                "seconds_a_step": step_seconds(run),
                "efficiency": kept[n],
                "right": run.right,
            }
            for n, run in line.items()
        ]
    messages = [{"bytes": size, "seconds": seconds} for size, seconds in times.items()]
    machine = found.model_dump(mode="json")
    print(json.dumps({**lines, "messages": messages, "machine": machine, "file": str(path)}), flush=True)


def _table(line: Mapping[int, Entry], weak: bool, found: Machine) -> str:
    what = "weak" if weak else "strong"
    work, kept = line[1].work, efficiency(line, weak)
    grid = f"{work.name} a rank" if weak else work.name
    foretold = {check.ranks: check for check in found.checks if check.what == what}
    rows = [
        f"{what.capitalize()} scaling: {grid}, {work.steps} steps, medians of {len(line[1].seconds)} rounds",
        "",
        "| ranks | process grid | stages an exchange | ms a step | T_eff, GB/s | efficiency | foretold, ms |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for n, run in line.items():
        taken, check = run.taken[-1], foretold.get(n)
        blocks = " × ".join(map(str, taken.blocks))
        told = f"{check.predicted * 1e3:.2f} ({check.error:+.0%})" if check else ""
        speed = f"{step_seconds(run) * 1e3:.2f} | {run.teff:.1f} | {kept[n]:.2f}"
        rows.append(f"| {n} | {blocks} | {taken.depth} | {speed} | {told} |")
    return "\n".join(rows)
