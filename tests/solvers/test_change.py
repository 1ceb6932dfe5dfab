"""Δt times a tendency: the same however the numbers before it are multiplied, at one product less in each cell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from solvers.equations import Heat
from solvers.equations.equation import Equation
from solvers.equations.written import Written
from solvers.fields import Fields
from solvers.fluxes import FluxForm
from solvers.grid import Grid
from solvers.operators import laplacian
from solvers.patch import Patch
from solvers.rounding import Rounding
from solvers.stencil import Stencil
from solvers.terms import Constant, Difference, DivergenceOfFlux, Given, Pointwise, Sum, Term

DT = jnp.float64(0.37)


def patch_of(ndim: int, dtype: str, varying: bool, **more: jax.Array) -> Patch:
    shape, draw = (9,) * ndim, np.random.default_rng(3)
    u, k = (jnp.asarray(draw.uniform(0.5, 1.5, shape), dtype) for _ in range(2))
    coefficients = {"alpha": k if varying else jnp.asarray(0.7, dtype), **more}
    spacing = (0.1, 0.2, 0.25)[:ndim]
    grid = Grid(shape, (0.0,) * ndim, tuple(n * h for n, h in zip(shape, spacing, strict=True)), (False,) * ndim)
    return Patch({"u": u}, coefficients, jnp.float64(0.0), (0,) * ndim, grid, Rounding.by(jnp.float64(0.0)))


def heat(ndim: int, varying: bool, form: str = "slices", order: Any = 2, mean: Any = "arithmetic") -> Heat:
    if varying:
        return Heat(FluxForm(mean, order))
    weights = laplacian(patch_of(ndim, "float64", varying).grid.spacing, order)
    return Heat(Stencil(weights, "conv" if form == "conv" else "slices"))


def products_in_each_cell(equation: Equation, patch: Patch, dt: jax.Array) -> int:
    """Of a change in 2-D."""

    def change(fields: Fields, coefficients: Fields, dt: jax.Array) -> Fields:
        return equation.change(replace(patch, fields=fields, coefficients=coefficients), dt)

    equations = jax.make_jaxpr(change)(patch.fields, patch.coefficients, dt).jaxpr.eqns
    return sum(e.primitive.name == "mul" and len(e.outvars[0].aval.shape) == 2 for e in equations)


@pytest.mark.parametrize(("ndim", "dtype"), [(1, "float64"), (2, "float32"), (3, "float64")])
@pytest.mark.parametrize(
    "how",
    [
        {"varying": False},
        {"varying": False, "order": 4},
        {"varying": False, "form": "conv"},
        {"varying": True},
        {"varying": True, "mean": "harmonic"},
        {"varying": True, "order": 4},
        {"varying": True, "order": 4, "mean": "harmonic"},
    ],
    ids=str,
)
@pytest.mark.parametrize("source", [False, True], ids=["bare", "source"])
def test_a_change_is_the_tendency_times_the_step(how: dict[str, Any], ndim: int, dtype: str, source: bool) -> None:
    more = {"source": jnp.ones((9,) * ndim, dtype)} if source else {}
    patch, equation = patch_of(ndim, dtype, how["varying"], **more), heat(ndim, **how)

    @jax.jit
    def both(fields: Fields) -> tuple[jax.Array, jax.Array]:
        seen = replace(patch, fields=fields)
        return equation.change(seen, DT)["u"], equation.tendency(seen)["u"]

    change, rate = both(patch.fields)
    assert change.dtype == rate.dtype == dtype and change.shape == rate.shape
    wanted = float(DT) * np.asarray(rate, np.float64)
    np.testing.assert_allclose(change, wanted, rtol=0, atol=8 * np.finfo(dtype).eps * np.abs(wanted).max())


K, U, TWO = Given("alpha"), Given("u"), Constant(2.0)


def twice(term: Term) -> Term:
    return Pointwise(lambda rounded, a, b: a * b, (TWO, term), linear=(0, 1))


def laplace() -> Term:
    return Difference(Stencil(laplacian((0.1, 0.1)), "slices"), U)


def cubed() -> Term:
    return Pointwise(lambda rounded, u: rounded(u * u) * u, (U,))


@pytest.mark.parametrize(
    ("term", "products"),
    [
        (twice(twice(laplace())), 2),
        (twice(Sum((laplace(), U), (1, -1))), 2 + 1),
        (Sum((twice(laplace()), twice(U), cubed()), (1, 1, -1)), 2 + 1 + 3),
        (Sum((twice(laplace()), cubed(), U), (1, 1, -1)), 2 + 1 + 2 + 1),
        (twice(DivergenceOfFlux(K, U, FluxForm())), 4 + 1 + 1),
        (Pointwise(lambda rounded, a, b: rounded.ratio(a, b), (twice(laplace()), TWO), linear=(0,)), 2),
    ],
    ids=["product", "of a sum", "sum", "sum of others", "flux", "ratio"],
)
def test_terms_take_the_numbers_before_them_as_one(term: Term, products: int) -> None:
    patch = patch_of(2, "float32", True)
    equation = Written({"u": term})
    change, rate = equation.change(patch, DT)["u"], equation.tendency(patch)["u"]
    wanted = float(DT) * np.asarray(rate, np.float64)
    np.testing.assert_allclose(change, wanted, rtol=0, atol=8 * np.finfo(np.float32).eps * np.abs(wanted).max())
    assert products_in_each_cell(equation, patch, DT) == products


@pytest.mark.parametrize(("varying", "products"), [(False, 2), (True, 5)], ids=["constant", "field"])
def test_all_numbers_are_one_in_each_cell(varying: bool, products: int) -> None:
    """Of equal spacings: -4 u and the sum's; the flux through four faces and the sum's."""
    patch = patch_of(2, "float32", varying)
    grid = Grid(patch.shape, (0.0, 0.0), (0.9, 0.9), (False, False))
    equation = Heat(FluxForm()) if varying else Heat(Stencil(laplacian(grid.spacing), "slices"))
    assert products_in_each_cell(equation, replace(patch, grid=grid), DT) == products


def test_who_overrides_the_tendency_alone_is_believed() -> None:
    class Cooled(Heat):
        def tendency(self, patch: Patch) -> Fields:
            return {"u": -super().tendency(patch)["u"]}

    patch, form = patch_of(1, "float64", False), heat(1, False).form
    assert Cooled.change is Equation.change
    np.testing.assert_allclose(Cooled(form).change(patch, DT)["u"], -Heat(form).change(patch, DT)["u"])
