"""Who takes part: halostep each way that works here, memory itself, and each peer that is installed."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sim.bench.contestants.halostep import Taken, command_of, read_run
from sim.bench.work import Work
from sim.machine import cores, gpus
from sim.subprocesses import find_mpirun, why_no_mpirun

MEMCPY = "memcpy"
_MPIRUN = cache(why_no_mpirun)


@dataclass(frozen=True)
class Contestant:
    """A name, a program for a work, how its last line is read, and why it can't take part ("": it can).

    Of a work's steps it takes one in `patience`: slow ones are not waited for.
    """

    name: str
    command: Callable[[Work, Path], Sequence[str]]
    read: Callable[[Work, Any], Taken]
    absent: Callable[[Work], str] = lambda _: ""
    ours: bool = False
    processes: int = 1
    patience: int = 1

    def share_of(self, work: Work) -> Work:
        return replace(work, steps=-(-work.steps // self.patience))


def roster() -> list[Contestant]:
    return [
        _peer(MEMCPY, "memcpy"),
        *(halostep(ranks, devices) for ranks, devices in _ways()),
        _peer("C, OpenMP", "c_openmp", compiler=True),
        _peer("C, tiled", "c_tiled", compiler=True),
        _peer("Devito", "devito_operator", needs="devito", compiler=True),
        _peer("numba", "numba_parallel", needs="numba"),
        _peer("torch", "torch_conv", needs="torch", slow=True, no_field="a convolution's coefficients are constant"),
        _peer("py-pde", "py_pde", needs="pde", slow=True, no_field="its ∇·(α∇u) is a stencil of width two"),
        _peer("numpy", "numpy_slices", slow=True),
    ]


def halostep(ranks: int, devices: int, *options: str) -> Contestant:
    """The program itself: `sim run`, on ranks of MPI, on devices of one process, or alone."""
    start = [find_mpirun() or "mpirun", "-n", str(ranks)] if ranks > 1 else []
    way = f"mpirun -n {ranks}" if ranks > 1 else f"--devices {devices}" if devices > 1 else "one process"

    def command(work: Work, folder: Path) -> list[str]:
        run = command_of(work, folder)
        return [*start, sys.executable, "-m", "sim", *run, "--devices", str(devices), *options]

    def absent(_: Work) -> str:
        return (_MPIRUN() or "") if ranks > 1 else ""

    return Contestant(f"halostep, {way}", command, read_run, absent, ours=True, processes=ranks)


def _ways() -> list[tuple[int, int]]:
    """Ranks and devices: alone, and on all that JAX computes on, GPUs where it knows of them, else cores."""
    on_cpu = os.environ.get("JAX_PLATFORMS") == "cpu" or not entry_points(group="jax_plugins")
    parts = cores() if on_cpu else gpus() or cores()
    return [(1, 1), *([] if parts == 1 else [(parts, 1), (1, parts)])]


_PATIENCE = 8
# Beyond so many cells slow ones would take minutes all the same.
_MANY_CELLS = 1 << 27


def _peer(
    name: str, module: str, needs: str = "", compiler: bool = False, slow: bool = False, no_field: str = ""
) -> Contestant:
    def command(work: Work, _: Path) -> list[str]:
        return [sys.executable, "-m", f"sim.bench.contestants.{module}", work.to_json()]

    def absent(work: Work) -> str:
        if needs and find_spec(needs) is None:
            return "not installed; pip install '.[bench]'"
        if compiler and shutil.which("cc") is None:
            return "no C compiler (cc); install gcc"
        if slow and work.cells > _MANY_CELLS:
            return "left out: it would take minutes"
        return no_field if work.alpha == "field" else ""

    def read(_: Work, found: Any) -> Taken:
        return Taken(found["seconds"], found["error"])

    return Contestant(name, command, read, absent, patience=_PATIENCE if slow else 1)
