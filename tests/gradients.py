"""Gradients beside differences: how a loss changes when a field or a coefficient is put a little otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np

import sim
from tests.equations import settled

# A coefficient with ghosts, and a number that all blocks share.
VARYING = {"u": "div(k*grad(u)) + r*u", "coefficients": {"k": "0.5 + 0.1*x*y"}, "parameters": {"r": 0.3}}


def loss(fields: dict[str, Any], data: dict[str, Any]) -> Any:
    """Of no symmetry, and of all fields."""
    return sum((u - data["seen"]) ** 2 + 0.1 * u for u in fields.values())


def slopes(case: dict[str, Any], steps: float, difference: float = 1e-5) -> dict[str, tuple[float, float]]:
    """∂L of the loss after so many steps, along a direction of no symmetry, by each field and coefficient: as the
    gradient has it, and as differences have it."""
    numbers = np.random.default_rng(7)
    dt = min(0.4 * settled(case)[1], 1e-2) or 1e-3
    with sim.start({**case, "time": {"end": 1.0, **case["time"], "step": dt}}) as running:
        seen = numbers.normal(size=running.grid.shape)

        def at(name: str, values: Any) -> float:
            running.put(name, values)
            return running.gradient(loss, steps * dt, {"seen": seen}).value

        gradient = running.gradient(loss, steps * dt, {"seen": seen})
        found = {}
        for name in (*running.fields, *running.coefficients):
            now, slope = running.whole(name), gradient.whole(name)
            along = numbers.uniform(-1, 1, size=now.shape) * (1 if name in running.fields else np.abs(now).max() + 0.1)
            there, here = (at(name, now + sign * difference * along) for sign in (1, -1))
            running.put(name, now)
            found[name] = (float((slope * along).sum()), (there - here) / (2 * difference))
        assert running.time == 0.0 and running.step == 0
        return found
