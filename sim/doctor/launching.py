"""Can ranks be started from here?  Found out by starting two."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from sim.subprocesses import find_mpirun, run_bounded, why_no_mpirun

_SECONDS = 120.0


def why_no_ranks(modules: Sequence[str]) -> str | None:
    """Why two ranks that import `modules` don't find each other, and the remedy; None where they do."""
    return why_no_mpirun(modules) or why_not_together(modules)


def why_not_together(modules: Sequence[str]) -> str | None:
    """The same where all is installed: what two ranks say when they are started."""
    finished = run_bounded(on_ranks(2, "world", *modules), _SECONDS)
    if finished.returncode == 0 and not finished.timed_out:
        return None
    return finished.complaint()


def mpirun_version(mpirun: str) -> str:
    """What a launcher says that it is, in a few words."""
    said = run_bounded([mpirun, "--version"], _SECONDS).stdout.strip()
    hydra = re.search(r"HYDRA.*?Version:\s*(\S+)", said, re.DOTALL)
    return f"Hydra {hydra[1]}" if hydra else (said.splitlines() or ["of unknown version"])[0]


def on_ranks(ranks: int, *probe: str) -> list[str]:
    """The command that runs a probe on ranks of mpirun."""
    return [find_mpirun() or "mpirun", "-n", str(ranks), *alone(*probe)]


def alone(*probe: str) -> list[str]:
    """The command that runs a probe in a process of its own."""
    return [sys.executable, "-m", "sim.doctor.probes", *probe]
