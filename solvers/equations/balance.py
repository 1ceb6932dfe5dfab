"""What flows in, what is made there, and what it takes to warm the material."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import jax
import jax.numpy as jnp

from solvers.block import core
from solvers.equations.coupling import coupled
from solvers.equations.equation import Diffusion, Equation, Rates
from solvers.fields import Fields
from solvers.patch import Patch
from solvers.terms import Symbol, Term
from solvers.terms.shapes import full
from solvers.terms.term import in_double


@dataclass(frozen=True)
class Balance(Equation):
    """∂u/∂t = r(F, u, x, t), F being the tendency of another equation of u, such as r = (F + q) / ρ c.

    rate: r, a term of one cell, to which F is the field `FLOW`.
    """

    flow: Equation
    rate: Term

    FLOW: ClassVar[str] = "u:flow"

    fields = ("u",)

    @property
    def width(self) -> int:
        return self.flow.width

    def tendency(self, patch: Patch) -> Fields:
        seen = self._seen(patch)
        return {"u": full(self.rate.value(seen), seen, 0)}

    def stiff(self, patch: Patch) -> Fields:
        """F's part; what is made there is taken explicitly."""
        seen, part = self._seen(patch), self.rate.stiff
        return {"u": full(jnp.zeros((), patch.dtype) if part is None else part.value(seen), seen, 0)}

    def rates(self, patch: Patch) -> Rates:
        """F's, by ∂r/∂F, and those of r in the cell."""
        patch = in_double(patch)
        symbols = self.rate.linearised(self._seen(patch)).symbols
        nothing = Symbol.one(patch.grid.ndim).times(jnp.float64(0.0))
        flow, cell = self.flow.rates(patch), coupled([[symbols.get("u", nothing)]], patch.grid.spacing)
        part = symbols[self.FLOW].size
        return Rates(*(part * self._inner(one) + other for one, other in zip(flow, cell, strict=True)))

    def diffusion(self, patch: Patch) -> dict[str, Diffusion]:
        """That of F, by ∂r/∂F."""
        seen = in_double(replace(patch, fields={**patch.fields, self.FLOW: jnp.zeros_like(patch.fields["u"])}))
        part = full(self.rate.linearised(seen).symbols[self.FLOW].high, seen, 0).astype(patch.dtype)

        def by_part(k: jax.Array | tuple[jax.Array, ...]) -> jax.Array | tuple[jax.Array, ...]:
            return tuple(part * one for one in k) if isinstance(k, tuple) else part * k

        return {name: one._replace(k=by_part(one.k)) for name, one in self.flow.diffusion(patch).items()}

    def _seen(self, patch: Patch) -> Patch:
        """The cells whose tendency is known, with F."""
        here = {"u": core(patch.fields["u"], self.width), self.FLOW: self.flow.tendency(patch)["u"]}
        return patch.inner(self.width, here, patch.time)

    def _inner(self, rate: jax.Array | float) -> jax.Array:
        rate = jnp.asarray(rate)
        return core(rate, self.width) if rate.ndim else rate
