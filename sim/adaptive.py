"""Cases whose steps are as long as their errors allow: their pace between chunks, and what to say where it fails."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import jax.numpy as jnp
import numpy as np

from sim.acting import forcings_of
from sim.case import Case, TimeTable
from sim.errors import SimError
from sim.transport.protocol import Members, Transport
from solvers.adaptive import AdaptiveMarch, Pace
from solvers.equations import Equation
from solvers.integrators import BOGACKI_SHAMPINE, Explicit
from solvers.march import March

_TOLERANCE = {"float32": 1e-4, "float64": 1e-6}
_PART = 100


@dataclass(frozen=True)
class Pacing:
    """The pace of each member of a run, or of the one that is alone (`solvers.adaptive.Pace`), and how it came so far.

    rejected: steps tried in vain.  shortest, longest: of those taken; infinite and 0 where none was.
    """

    time: tuple[float, ...]
    step: tuple[float, ...]
    error: tuple[int, ...]
    rejected: tuple[int, ...]
    shortest: tuple[float, ...]
    longest: tuple[float, ...]

    @classmethod
    def begin(cls, step: float, members: int) -> Pacing:
        """At time 0, with the same first step for all."""
        n = max(1, members)
        return cls((0.0,) * n, (step,) * n, (0,) * n, (0,) * n, (float("inf"),) * n, (0.0,) * n)

    def after(self, said: Mapping[str, Any]) -> Pacing:
        """The pace after some more steps, of which a program has said this."""
        found = {name: np.atleast_1d(np.asarray(values)) for name, values in said.items()}
        return Pacing(
            time=tuple(found["time"].tolist()),
            step=tuple(found["step"].tolist()),
            error=tuple(found["error"].tolist()),
            rejected=tuple((np.asarray(self.rejected) + found["rejected"]).tolist()),
            shortest=tuple(np.minimum(self.shortest, found["shortest"]).tolist()),
            longest=tuple(np.maximum(self.longest, found["longest"]).tolist()),
        )

    def to_program(self, transport: Transport, alone: bool) -> Pace:
        """The pace as an argument of a program: numbers, or numbers of each member."""
        kinds = {"time": "float64", "step": "float64", "error": "int64"}
        if alone:
            return Pace(*(jnp.asarray(getattr(self, name)[0], kind) for name, kind in kinds.items()))
        among = cast(Members, transport)
        return Pace(*(cast(Any, among.per_member(getattr(self, name), kind)) for name, kind in kinds.items()))

    @property
    def adapted(self) -> Adapted:
        return Adapted(sum(self.rejected), min(self.shortest), max(self.longest))


@dataclass(frozen=True)
class Adapted:
    """How the steps of a run were chosen: how many were tried in vain, the shortest and the longest of those taken."""

    rejected: int
    shortest: float
    longest: float


def march_of(case: Case, equation: Equation, march: March) -> AdaptiveMarch:
    """What takes the steps of a case where those of equal length would be taken by `march`."""
    table = case.time
    tolerance = table.tolerance or _TOLERANCE[case.numerics.dtype]
    pair = replace(march, step=Explicit(equation, BOGACKI_SHAMPINE))
    return AdaptiveMarch(pair, tolerance, table.absolute, _longest(table), forcings_of(case))


def first_step(table: TimeTable, stable: float) -> float:
    """The one given, at most the stable one times the safety factor; where nothing limits it, a part of the run."""
    most = min(_longest(table), stable * table.safety if 0.0 < stable < math.inf else table.end / _PART)
    return most if table.step is None else min(table.step, most)


def _longest(table: TimeTable) -> float:
    return math.inf if table.longest is None else table.longest


def failure(account: Mapping[str, Any], pacing: Pacing, case: Case, kept: str) -> SimError:
    """What to raise where no step is short enough; `kept` says what is left."""
    failed = np.flatnonzero(np.atleast_1d(account["failed"]))
    first = int(failed[0])
    missed = float(np.atleast_1d(account["missed"])[first])
    which = f" of member{'s' * (failed.size > 1)} {', '.join(map(str, failed[:8]))}" if case.ensemble else ""
    error = f"{missed:.3g} times what is allowed" if np.isfinite(missed) else "not finite"
    return SimError(
        f"steps{which} would have to be shorter than {pacing.step[first]:.3g} at t = {pacing.time[first]:.6g}, where "
        f"the error of the last one tried was {error}; {kept}; the solution may blow up there, or jump: end sooner, "
        f"make what jumps smooth, or give a larger time.tolerance or time.absolute"
    )
