"""What a forecast rests on: a machine's file, defaults where there is none, or what the user says of her network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from sim import measured as machine
from sim.cost import Core, Link


@dataclass(frozen=True)
class Basis:
    """Rates of a rank and of messages, where each is from, and the worst error of what they foretold; None: unknown."""

    core: Core
    link: Link
    core_from: str
    link_from: str
    error: float | None = None


_HOW = "`sim bench --scaling` measures them"


def basis(ndim: int, dtype: str, file: Path | None, latency: float | None, bandwidth: float | None) -> Basis:
    """From `file`, by default the user's own where there is one; latency in s and bandwidth in bytes/s win over it.

    Raises SimError where a file that was asked for, or the user's own, can't be read.
    """
    path = file or machine.default_path()
    if file is None and not path.exists():
        found = Basis(machine.default_core(dtype), machine.default_link(), f"defaults; {_HOW}", f"defaults; {_HOW}")
    else:
        found = _measured(machine.read(path), ndim, dtype, path)
    if latency is not None:
        found = replace(found, link=replace(found.link, latency=latency), link_from="as given", error=None)
    if bandwidth is not None:
        found = replace(found, link=replace(found.link, bandwidth=bandwidth), link_from="as given", error=None)
    if (latency is None) != (bandwidth is None):
        found = replace(found, link_from=f"{'latency' if bandwidth is None else 'bandwidth'} as given")
    return found


def _measured(known: machine.Machine, ndim: int, dtype: str, path: Path) -> Basis:
    where = f"measured on {known.name}, {known.date} ({path})"
    between = f"measured between {known.between}, {known.date}; --latency and --bandwidth give another network's"
    core = known.core(ndim, dtype)
    if core is None:
        how = f"defaults, for {path} has none for {ndim}-D {dtype}; `sim bench --scaling` without --quick measures all"
        return Basis(machine.default_core(dtype), known.link, how, between)
    return Basis(core, known.link, where, between, known.worst_error)
