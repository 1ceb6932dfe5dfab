"""halostep: stencil simulations in JAX that mean the same wherever they run.

    import sim
    result = sim.run("heat2d")

    result = sim.resume(result.directory, overrides=["time.end=2.0"])

    with sim.start("heat2d") as running:
        running.advance(to=0.01)
        u = running.whole("u")

`run` and `resume` are what the command line calls, `start` keeps the fields in memory; see their docstrings.  This
module is cheap to import: JAX is loaded only when something runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.errors import SimError, Stopped

if TYPE_CHECKING:
    from sim.case import Case
    from sim.driver import resume, run
    from sim.gradient import Gradient
    from sim.result import Result
    from sim.running import Running, start

__all__ = ["Case", "Gradient", "Result", "Running", "SimError", "Stopped", "resume", "run", "start"]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    homes = {
        "Case": "sim.case",
        "Gradient": "sim.gradient",
        "Result": "sim.result",
        "Running": "sim.running",
        "resume": "sim.driver",
        "run": "sim.driver",
        "start": "sim.running",
    }
    if name not in homes:
        raise AttributeError(f"module 'sim' has no attribute {name!r}")
    return getattr(import_module(homes[name]), name)


def __dir__() -> list[str]:
    return __all__
