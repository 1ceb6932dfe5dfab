"""Which integrator a case gets, now that it is known how fast its fields can change."""

from __future__ import annotations

from dataclasses import dataclass

from sim.case import TimeTable
from sim.errors import SimError
from solvers.equations import Equation
from solvers.integrators import HEUN, RK4, SSPRK3, Euler, Explicit, Step, rkl1, rkl2, stages_for
from solvers.integrators.legendre import MOST

_SCHEMES = {"heun": HEUN, "ssprk3": SSPRK3, "rk4": RK4}
_LEGENDRE = {"rkl1": (1, rkl1), "rkl2": (2, rkl2)}
_STAGES = 15


@dataclass(frozen=True)
class Speed:
    """How fast the modes of the discretised equation decay and swing at most, 1/time."""

    decay: float
    wave: float


def step_of(time: TimeTable, equation: Equation, speed: Speed) -> Step:
    """The step that the case asks for.  Raises SimError where it would take too many stages."""
    if time.integrator == "euler":
        return Euler(equation)
    if time.integrator in _SCHEMES:
        return Explicit(equation, _SCHEMES[time.integrator])
    order, scheme = _LEGENDRE[time.integrator]
    return Explicit(equation, scheme(_stages(time, equation, speed, order)))


def _stages(time: TimeTable, equation: Equation, speed: Speed, order: int) -> int:
    """As many as are given, or as the wanted step takes."""
    if time.stages is not None or time.step is None:
        return time.stages or _STAGES
    ratio = time.step / Euler(equation).stable_step(speed.decay, speed.wave)
    # Beyond the step of the longest scheme there is, which the square of its stages gives.
    stages = stages_for(order, ratio) if ratio < MOST**2 else MOST + 1
    if stages > MOST:
        raise SimError(
            f"time.step = {time.step:g} is {ratio:.3g} times what forward Euler allows, which takes {time.integrator} "
            f"more than {MOST} stages; take a smaller step, or an implicit integrator"
        )
    return stages
