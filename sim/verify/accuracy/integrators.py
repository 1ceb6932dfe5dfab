"""Every integrator, in time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sympy import Rational, cos, pi, sin

from sim.verify.accuracy.manufactured import PLACE
from sim.verify.accuracy.running import case_of
from sim.verify.accuracy.study import Study, Table
from sim.verify.accuracy.walls import in_time

FAMILY = "integrators"

ORDERS: Mapping[str, int] = {
    "euler": 1,
    "heun": 2,
    "ssprk3": 3,
    "rk4": 4,
    "bs23": 3,
    "verlet": 2,
    "rkl1": 1,
    "rkl2": 2,
    "backward-euler": 1,
    "crank-nicolson": 2,
    "tr-bdf2": 2,
    "bdf2": 2,
    "imex-euler": 1,
    "imex-ars222": 2,
}
"""Of accuracy, by the name of `time.integrator`."""


def studies() -> Iterator[Study]:
    # Verlet is for equations of second order in time alone, and the steps of bs23 have no one length.
    for integrator, order in ((name, order) for name, order in ORDERS.items() if name not in ("verlet", "bs23")):
        name = f"{integrator}, reaction and diffusion"
        yield in_time("dirichlet", "robin", integrator, order, FAMILY, name, quick=integrator in ("rk4", "rkl2"))
    yield _swinging("rk4", ORDERS["rk4"])
    yield _swinging("verlet", ORDERS["verlet"])
    yield _travelling("bs23", ORDERS["bs23"])


def _swinging(integrator: str, order: int) -> Study:
    """A standing wave with the frequency that it has on the grid: ω_h = (2/h) sin(kh/2) for c = 1."""
    cells = 8
    h = Rational(1, cells)
    frequency = float(2 / h * sin(pi * h))
    exact = {"u": f"cos({frequency!r}*t)*cos(2*pi*x)", "v": f"-{frequency!r}*sin({frequency!r}*t)*cos(2*pi*x)"}
    initial = {"u": str(cos(2 * pi * PLACE["x"])), "v": "0"}

    def case(steps: int) -> Table:
        time = {"end": 1.0, "step": 1.0 / steps, "integrator": integrator}
        equation = {"kind": "wave", "speed": 1.0}
        return case_of({"x": cells}, equation, initial, {"x": "periodic"}, time, exact=exact)

    return Study(FAMILY, f"{integrator}, wave", "time", order, (48, 72, 108), case)


def _travelling(integrator: str, order: int) -> Study:
    """A wave that travels and decays as it does on the grid, its steps as long as a tolerance of n⁻³ allows.

    A step's error is of the order of its cube, so that there are about n of them.
    """
    cells, diffusivity = 16, 0.01
    h = Rational(1, cells)
    frequency = float(sin(2 * pi * h) / h)
    decay = float(4 * diffusivity / h**2 * sin(pi * h) ** 2)
    exact = {"u": f"exp(-{decay!r}*t)*cos(2*pi*x - {frequency!r}*t)"}

    def case(n: int) -> Table:
        time = {"end": 1.0, "integrator": integrator, "tolerance": 1.0 / n**3}
        equation = {"u": f"{diffusivity!r}*laplace(u) - d_dx(u)"}
        return case_of({"x": cells}, equation, {"u": "cos(2*pi*x)"}, {"x": "periodic"}, time, exact=exact)

    return Study(FAMILY, f"{integrator}, error by tolerance", "time", order, (36, 54, 81), case, quick=True)
