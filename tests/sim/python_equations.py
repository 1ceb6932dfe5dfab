"""Equations of the user's own, written where a case finds them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import sim
from sim import casefile

Small = Callable[..., dict[str, Any]]


MODULE = """
from dataclasses import dataclass
from solvers.block import core
from solvers.equations import Diffusion, Equation, Rates
import jax, jax.numpy as jnp

@dataclass(frozen=True)
class Decay(Equation):
    grid: object
    rate: float = 1.0
    fields = ("u",)
    width = 1

    def tendency(self, patch):
        return {"u": -self.rate * core(patch.fields["u"] * patch.coefficients["k"], 1)}

    def rates(self, patch):
        return Rates(jnp.float64(self.rate), jnp.float64(0.0))
"""


def case_in(folder: Path, small: Small, code: str, kind: str = "mine:Decay", **changes: Any) -> sim.Case:
    """A case beside `mine`, in which `code` follows the module above."""
    (folder / "mine.py").write_text(MODULE + code)
    equation = {"kind": kind, "coefficients": {"k": "1 + x"}, **changes.pop("equation", {})}
    table = small()
    table["equation"] = equation
    table |= changes
    return casefile.load(table).based_at(folder)


def changed(method: str, body: str) -> str:
    takes = "patch, dt" if method == "change" else "patch"
    return f"\nclass Changed(Decay):\n    def {method}(self, {takes}):\n        {body}\n"


U, CORE = 'patch.fields["u"]', 'core(patch.fields["u"], 1)'
