"""halostep: stencil simulations in JAX that mean the same wherever they run.

    import sim
    result = sim.run("heat2d")

    result = sim.resume(result.directory, overrides=["time.end=2.0"])

`run` and `resume` are what the command line calls; see their docstrings.  This module is cheap to import: JAX is
loaded only when something runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.errors import SimError, Stopped

if TYPE_CHECKING:
    from sim.case import Case
    from sim.driver import resume, run
    from sim.result import Result

__all__ = ["Case", "Result", "SimError", "Stopped", "resume", "run"]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    homes = {"run": "sim.driver", "resume": "sim.driver", "Case": "sim.case", "Result": "sim.result"}
    if name not in homes:
        raise AttributeError(f"module 'sim' has no attribute {name!r}")
    return getattr(import_module(homes[name]), name)
