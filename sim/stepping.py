"""Which integrator a case gets, now that it is known how fast its fields can change."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

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
# A stage of rkl2 costs 3 to 4 steps of forward Euler, for it reads and writes more; s of them go as far as s²/4 steps.
# Left to itself a run takes about so many steps, by which its error in time is below that in space.  CPU time of
# the loop on one core of a Xeon, heat in float64 (`time.process_time` around `running.advance`), error in l2:
#
#   cells   steps of Euler's   Euler            s = 15           s = 31           s = 51
#   64²     10 000              16 ms, 3.7e-3     7 ms, 4.9e-3     5 ms, 5.2e-2
#   256²    10 000             190 ms, 1.6e-5   139 ms, 1.2e-5    88 ms, 4.5e-5    38 ms, 2.8e-4
#   256²    50 000             983 ms, 7.2e-5   739 ms, 4.6e-5   347 ms, 9.6e-5   196 ms, 4.3e-4
#   1024²    1 000             385 ms, 1.1e-6   307 ms, 8.9e-7   224 ms, 2.1e-6
#
# In 1-D and 3-D, and in float32, s = 15 takes 0.5 to 0.9 of Euler's time, s = 11 up to all of it.
_STEPS = 200
_STAGES_THAT_PAY = 15
# A step that takes rkl2 all the stages there are takes tr-bdf2 with multigrid as long: time of rkl2's over tr-bdf2's on
# one Zen 4 core, heat in a square with u = 0 around it, by 101 and by 201 stages, when in cache those took half as
# long again as they do now:
#
#   cells   float64       float64, k(x, y)   float32
#   256²    0.64, 1.06    1.13, 1.94         1.35, 2.27
#   1024²   0.44, 0.69    0.44, 0.86         0.51, 0.94
_IMPLICIT = "tr-bdf2"


@dataclass(frozen=True)
class Speed:
    """How fast the modes of the discretised equation decay and swing at most, 1/time.

    Raises SimError for what bounds nothing.
    """

    decay: float
    wave: float

    def __post_init__(self) -> None:
        if not (0 <= self.decay < math.inf and 0 <= self.wave < math.inf):
            raise SimError(
                f"the rates of this equation, by which a stable step is found, are decay = {self.decay:g} and wave = "
                f"{self.wave:g} at the beginning; both must be numbers from 0: look at its coefficients and the "
                f"initial fields, and for an equation in Python at rates()"
            )


@dataclass(frozen=True)
class Stepping:
    """A step and what it is called, with the reason where it was chosen here."""

    step: Step
    name: str


class IntegratorChoice(NamedTuple):
    """An integrator as a case names it; why, where it was chosen here; of rkl2 the stages, where no step is given."""

    name: str
    why: str = ""
    stages: int | None = None

    def called(self, name: str) -> str:
        """That name, with the reason."""
        return f"{name} ({self.why})" if self.why else name


def integrator_of(time: TimeTable, equation: Equation, speed: Speed) -> IntegratorChoice:
    """What the case names, or, where that is "auto", what suits how the fields change."""
    return IntegratorChoice(time.integrator) if time.integrator != "auto" else _choose(time, equation, speed)


def step_of(time: TimeTable, equation: Equation, speed: Speed) -> Stepping:
    """The explicit step that the case asks for.  Raises SimError where it can't be had, or takes too many stages."""
    choice = integrator_of(time, equation, speed)
    name = choice.name
    if name == "euler":
        return Stepping(Euler(equation), choice.called(name))
    if name == "verlet":
        return Stepping(_verlet(equation), choice.called(name))
    if name in _SCHEMES:
        return Stepping(Explicit(equation, _SCHEMES[name]), choice.called(name))
    order, scheme_of = _LEGENDRE[name]
    scheme = scheme_of(_stages(time, equation, speed, order, choice.stages or _STAGES))
    return Stepping(Explicit(equation, scheme), choice.called(scheme.name))


def _choose(time: TimeTable, equation: Equation, speed: Speed) -> IntegratorChoice:
    """By stiffness, and by the accuracy that a given step stands for.

    Forward Euler at its stable step errs in time as central differences do in space, Δt being of the order of h²; so
    it will do for diffusion, until its steps are too many.
    """
    if equation.velocities:
        return IntegratorChoice("verlet", "of second order in time")
    if speed.wave > _TRAVELS * speed.decay:
        return IntegratorChoice("ssprk3", "something travels")
    stable = Euler(equation).stable_step(speed.decay, speed.wave)
    steps = time.end / stable if stable > 0 else 0.0
    why = f"stiff: forward Euler takes {steps:,.0f} steps"
    if time.step is None:
        stages = min(stages_for(2, min(steps / _STEPS, MOST**2)), MOST)
        return (
            IntegratorChoice("rkl2", why, stages)
            if stages >= _STAGES_THAT_PAY
            else IntegratorChoice("euler", _calm(steps))
        )
    if not time.step > stable > 0:
        return IntegratorChoice("euler", _calm(steps))
    too_long = time.stages is None and _stages_for(2, time.step / stable) > MOST
    return IntegratorChoice(_IMPLICIT if too_long else "rkl2", why)


def _calm(steps: float) -> str:
    return f"not stiff: {steps:,.0f} steps"


def _verlet(equation: Equation) -> Step:
    if not equation.velocities:
        raise SimError('time.integrator = "verlet" is for equations of second order in time, such as "wave"')
    return Verlet(equation, equation.velocities)


def _stages(time: TimeTable, equation: Equation, speed: Speed, order: int, otherwise: int) -> int:
    """As many as are given, or as the wanted step takes."""
    if time.stages is not None or time.step is None:
        return time.stages or otherwise
    stable = Euler(equation).stable_step(speed.decay, speed.wave)
    if stable == 0.0:
        # No number of them makes it a scheme for what swings; `step_limit` says so.
        return otherwise
    ratio = time.step / stable
    stages = _stages_for(order, ratio)
    if stages > MOST:
        raise SimError(
            f"time.step = {time.step:g} is {ratio:.3g} times what forward Euler allows, which takes rkl{order} "
            f"more than {MOST} stages; take a smaller step, or an implicit integrator"
        )
    return stages


def _stages_for(order: int, ratio: float) -> int:
    """More than there are of a step beyond that of the longest scheme, which the square of its stages bounds."""
    return stages_for(order, ratio) if ratio < MOST**2 else MOST + 1
