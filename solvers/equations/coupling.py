"""From the symbols of a system of equations to the rates that limit a step."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from solvers.equations.equation import Rates
from solvers.terms.symbol import Symbol

_SWEEPS, _BALANCINGS = 8, 5
# 1/time, no rate of anything.
_NOTHING = 1e-250


def coupled(matrix: Sequence[Sequence[Symbol]], spacing: Sequence[float]) -> Rates:
    """Bounds of the eigenvalues of a matrix of symbols, matrix[i][j] being that of ∂(∂u_i/∂t)/∂u_j.

    One field: its own symbol.  Growth, Re > 0, limits no step.  Two fields: the eigenvalues of
    [[a, b], [c, d]] lie between a and d but for ±√(bc), real or imaginary by the sign of bc: that tells oscillation,
    as of u' = v, v' = c²∇²u, from exchange.  More: those of the coupling lie in discs of its Perron root's radius
    (Gershgorin's after the best scaling), counted as both.
    """
    own = [matrix[i][i] for i in range(len(matrix))]
    decay = functools.reduce(jnp.maximum, [jnp.maximum(-symbol.low, 0.0) for symbol in own])
    wave = functools.reduce(jnp.maximum, [_wave(symbol, spacing) for symbol in own])
    if len(matrix) == 2:
        both = matrix[0][1].after(matrix[1][0])
        either_way = functools.reduce(operator.add, both.waves)
        return Rates(
            decay + jnp.sqrt(jnp.maximum(both.high + either_way, 0.0)),
            wave + jnp.sqrt(jnp.maximum(-both.low + either_way, 0.0)),
        )
    if len(matrix) > 2:
        radius = _perron_root(matrix)
        return Rates(decay + radius, wave + radius)
    return Rates(decay, wave)


def _wave(symbol: Symbol, spacing: Sequence[float]) -> jax.Array:
    """|a| √Σ1/h² ≥ Σ |a_axis| / h_axis of a velocity a: also the slow waves obey what the steps' limit presumes.

    Hindmarsh, Gresho and Griffiths, The stability of explicit Euler time-integration for certain finite difference
    approximations of the multi-dimensional advection–diffusion equation (doi:10.1002/fld.1650040905).
    """
    squares = functools.reduce(operator.add, [(h * w) ** 2 for h, w in zip(spacing, symbol.waves, strict=True)])
    return jnp.sqrt(squares * sum(1.0 / h**2 for h in spacing))


def _perron_root(matrix: Sequence[Sequence[Symbol]]) -> jax.Array:
    """A bound of the spectral radius off the diagonal: max (|M|x)_i / x_i for an x > 0 made good by a few powers.

    It is of M's unit, 1/time, whatever the units of time and of the fields are: x begins where these are balanced.
    """
    n = len(matrix)
    sizes = [[matrix[i][j].size if i != j else jnp.float64(0.0) for j in range(n)] for i in range(n)]

    def growth(x: list[jax.Array]) -> list[jax.Array]:
        return [functools.reduce(operator.add, [sizes[i][j] * (x[j] / x[i]) for j in range(n)]) for i in range(n)]

    x = _balance(sizes)
    for _ in range(_SWEEPS):
        # Half of what it was keeps cycles from going around.
        rates = growth(x)
        largest = jnp.maximum(functools.reduce(jnp.maximum, rates), _NOTHING)
        x = [a * (0.5 + 0.5 * (rate / largest)) for a, rate in zip(x, rates, strict=True)]
    return functools.reduce(jnp.maximum, growth(x))


def _balance(sizes: Sequence[Sequence[jax.Array]]) -> list[jax.Array]:
    """x > 0 for which the rows of M_ij x_j / x_i add up to about what its columns do.

    Osborne, On pre-conditioning of matrices (doi:10.1145/321043.321048).  What acts one way only, of which there is
    no such x, is made small.
    """
    n = len(sizes)
    x = [jnp.float64(1.0)] * n
    floor = jnp.maximum(1e-30 * functools.reduce(jnp.maximum, [size for row in sizes for size in row]), _NOTHING)
    for _ in range(_BALANCINGS):
        for i in range(n):
            row = functools.reduce(operator.add, [sizes[i][j] * (x[j] / x[i]) for j in range(n)])
            column = functools.reduce(operator.add, [sizes[j][i] * (x[i] / x[j]) for j in range(n)])
            x[i] = jnp.clip(x[i] * jnp.sqrt((row + floor) / (column + floor)), 1e-150, 1e150)
    return x
