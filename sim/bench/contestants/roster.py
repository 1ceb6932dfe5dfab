"""Who takes part: halostep each way that works here, memory itself, and each peer that is installed."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import tomlkit

from sim.bench.contestants.contest import cores
from sim.bench.work import Work
from sim.subprocesses import find_mpirun, why_no_mpirun

MEMCPY = "memcpy"


@dataclass(frozen=True)
class Contestant:
    """A name, a program for a work, how its last line is read, and why it can't take part here ("": it can)."""

    name: str
    command: Callable[[Work, Path], Sequence[str]]
    read: Callable[[Any], tuple[float, float]]
    absent: str = ""
    ours: bool = False


def roster() -> list[Contestant]:
    return [
        _peer(MEMCPY, "memcpy", needs=()),
        *(halostep(ranks, devices) for ranks, devices in _ways()),
        _peer("C, OpenMP", "c_openmp", needs=(), compiler=True),
        _peer("Devito", "devito_operator", needs=("devito",), compiler=True),
        _peer("numba", "numba_parallel", needs=("numba",)),
        _peer("torch", "torch_conv", needs=("torch",)),
        _peer("numpy", "numpy_slices", needs=()),
    ]


def _ways() -> list[tuple[int, int]]:
    several = [] if cores() == 1 else [(cores(), 1), (1, cores())]
    return [(1, 1), *several]


def halostep(ranks: int, devices: int) -> Contestant:
    """The program itself: `sim run`, on ranks of MPI, on devices of one process, or alone."""
    start: list[str] = []
    absent = ""
    if ranks > 1:
        absent = why_no_mpirun() or ""
        start = [str(find_mpirun()), "-n", str(ranks)]
    way = f"mpirun -n {ranks}" if ranks > 1 else f"--devices {devices}" if devices > 1 else "one process"

    def command(work: Work, folder: Path) -> list[str]:
        path = folder / "work.toml"
        path.write_text(tomlkit.dumps(case_of(work)))
        options = ["--json", "--output", str(folder / "run"), "--overwrite", "--devices", str(devices)]
        return [*start, sys.executable, "-m", "sim", "run", str(path), *options]

    return Contestant(f"halostep, {way}", command, _read_run, absent, ours=True)


def case_of(work: Work) -> Mapping[str, Any]:
    names = "xyz"[: work.ndim]
    mode = " * ".join(f"sin(pi * {name})" for name in names)
    return {
        "name": "bench",
        "grid": {name: {"cells": work.cells} for name in names},
        "equation": {"kind": "heat", "alpha": 1.0},
        "initial": {"u": mode},
        "boundary": dict.fromkeys(names, "dirichlet"),
        "time": {"end": work.steps * work.dt, "step": work.dt},
        "numerics": {"dtype": work.dtype},
        "exact": {"u": f"{mode} * exp(-{work.rate!r} * t)"},
    }


def _read_run(result: Any) -> tuple[float, float]:
    return result["march_seconds"], result["errors"]["u"]["max"]


def _peer(name: str, module: str, needs: Sequence[str], compiler: bool = False) -> Contestant:
    absent = [f"{package} is not installed; pip install '.[bench]'" for package in needs if find_spec(package) is None]
    if compiler and shutil.which("cc") is None:
        absent.append("no C compiler (cc); install gcc")

    def command(work: Work, _: Path) -> list[str]:
        return [sys.executable, "-m", f"sim.bench.contestants.{module}", json.dumps(asdict(work))]

    return Contestant(name, command, lambda found: (found["seconds"], found["error"]), "; ".join(absent))
