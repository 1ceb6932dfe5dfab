"""Which explicit integrator a case gets, now that it is known how fast its fields can change."""

from __future__ import annotations

from dataclasses import dataclass

from sim.case import TimeTable
from sim.errors import SimError
from solvers.equations import Equation
from solvers.integrators import (
    BOGACKI_SHAMPINE,
    HEUN,
    RK4,
    SSPRK3,
    Euler,
    Explicit,
    Step,
    Verlet,
    rkl1,
    rkl2,
    stages_for,
)
from solvers.integrators.legendre import MOST

_SCHEMES = {"heun": HEUN, "ssprk3": SSPRK3, "rk4": RK4, "bs23": BOGACKI_SHAMPINE}
_LEGENDRE = {"rkl1": (1, rkl1), "rkl2": (2, rkl2)}
_STAGES = 15

# Of waves over decay: beyond it forward Euler's step is limited by transport, not by diffusion.
_TRAVELS = 0.25
# Steps of forward Euler from which on super-time-stepping pays for its stages.
_MANY_STEPS = 2000


@dataclass(frozen=True)
class Speed:
    """How fast the modes of the discretised equation decay and swing at most, 1/time."""

    decay: float
    wave: float


@dataclass(frozen=True)
class Stepping:
    """A step and what it is called, with the reason where it was chosen here."""

    step: Step
    name: str


def step_of(time: TimeTable, equation: Equation, speed: Speed) -> Stepping:
    """The step that the case asks for.  Raises SimError where it can't be had, or would take too many stages."""
    name, why = (time.integrator, "") if time.integrator != "auto" else _choose(time, equation, speed)
    described = f"{name} ({why})" if why else name
    if name == "euler":
        return Stepping(Euler(equation), described)
    if name == "verlet":
        return Stepping(_verlet(equation), described)
    if name in _SCHEMES:
        return Stepping(Explicit(equation, _SCHEMES[name]), described)
    order, scheme_of = _LEGENDRE[name]
    scheme = scheme_of(_stages(time, equation, speed, order))
    return Stepping(Explicit(equation, scheme), f"{scheme.name} ({why})" if why else scheme.name)


def _choose(time: TimeTable, equation: Equation, speed: Speed) -> tuple[str, str]:
    """What suits how the fields change, and why.

    Forward Euler at its stable step errs in time as central differences do in space, Δt being of the order of h²; so
    it will do for diffusion, until its steps are too many.
    """
    if equation.velocities:
        return "verlet", "of second order in time"
    if speed.wave > _TRAVELS * speed.decay:
        return "ssprk3", "something travels"
    stable = Euler(equation).stable_step(speed.decay, speed.wave)
    steps = time.end / stable if stable > 0 else 0.0
    if steps > _MANY_STEPS:
        return "rkl2", f"stiff: forward Euler takes {steps:,.0f} steps"
    return "euler", f"not stiff: {steps:,.0f} steps"


def _verlet(equation: Equation) -> Step:
    if not equation.velocities:
        raise SimError('time.integrator = "verlet" is for equations of second order in time, such as "wave"')
    return Verlet(equation, equation.velocities)


def _stages(time: TimeTable, equation: Equation, speed: Speed, order: int) -> int:
    """As many as are given, or as the wanted step takes."""
    if time.stages is not None or time.step is None:
        return time.stages or _STAGES
    ratio = time.step / Euler(equation).stable_step(speed.decay, speed.wave)
    # Beyond the step of the longest scheme there is, which the square of its stages gives.
    stages = stages_for(order, ratio) if ratio < MOST**2 else MOST + 1
    if stages > MOST:
        raise SimError(
            f"time.step = {time.step:g} is {ratio:.3g} times what forward Euler allows, which takes rkl{order} "
            f"more than {MOST} stages; take a smaller step, or an implicit integrator"
        )
    return stages
