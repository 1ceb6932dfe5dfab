"""Heat, with whatever it depends on."""

from __future__ import annotations

from collections.abc import Mapping

import jax

from sim.case import Source
from sim.case.equation import AnisotropicTable, ConductionTable, HeatTable
from sim.case.equation.base import depends_on_more
from sim.equations.model import Coefficient, Model
from sim.equations.translation import Discretisation, Translator
from sim.errors import SimError
from sim.expression import RightSide
from solvers.equations import Anisotropic, Diffusivity, Equation, FourthOrderAnisotropic, Heat, Written
from solvers.fluxes import FluxForm
from solvers.rounding import Rounding
from solvers.stencil import Stencil
from solvers.terms import Difference, DivergenceOfFlux, Given, Pointwise, Sum, Term


def heat(table: HeatTable, axes: tuple[str, ...], discretisation: Discretisation) -> Model:
    """∂u/∂t = ∇·(α∇u) + q; α and q of the place alone are coefficients."""
    if depends_on_more(table.alpha) or depends_on_more(table.source):
        return _composed({"alpha": table.alpha, "source": table.source}, None, axes, discretisation)
    if isinstance(table.alpha, float):
        form: Stencil | FluxForm = discretisation.difference("laplace", axes)
    else:
        form = discretisation.flux_form(("u",))
    source = {} if table.source == 0.0 else {"source": Coefficient(table.source, as_block=True)}
    return Model(Heat(form), {"alpha": Coefficient(table.alpha, least=0.0), **source})


def conduction(table: ConductionTable, axes: tuple[str, ...], discretisation: Discretisation) -> Model:
    """ρ c ∂u/∂t = ∇·(k∇u) + q."""
    capacities = {"density": table.density, "capacity": table.capacity}
    return _composed({"alpha": table.conductivity, "source": table.source}, capacities, axes, discretisation)


def anisotropic(
    table: AnisotropicTable, axes: tuple[str, ...], discretisation: Discretisation, exchanges: bool
) -> Model:
    """∂u/∂t = ∇·(A∇u) + q; `exchanges`: whether what flows through a wall depends on u there."""
    found: dict[str, Coefficient] = {}
    turning: dict[int, dict[int, str]] = {}
    for name, entry in table.tensor:
        if entry != 0.0:
            i, j = sorted(axes.index(axis) for axis in name)
            found[f"alpha_{i}{j}"] = Coefficient(entry, least=0.0 if i == j else float("-inf"))
            for normal, other in ((i, j), (j, i)) if i != j else ():
                turning.setdefault(normal, {})[other] = f"alpha_{i}{j}"
    if table.source != 0.0:
        found["source"] = Coefficient(table.source, as_block=True)
    given = discretisation.given["u"]
    equation: Equation = Anisotropic(given, bool(turning) and exchanges)
    if discretisation.order == 4:
        if turning and any(any(sides) for sides in given):
            raise SimError(
                "at walls through which heat flows, a tensor that turns heat has fluxes of second order; "
                "use numerics.order = 2, or walls that are periodic, dirichlet or outflow"
            )
        equation = FourthOrderAnisotropic(given)
    conductivities = {axis: Given(f"alpha_{axis}{axis}") for axis in range(len(axes))}
    return Model(equation, found, conductivities, turning=turning)


def _composed(
    flow: Mapping[str, Source],
    capacities: Mapping[str, Source] | None,
    axes: tuple[str, ...],
    discretisation: Discretisation,
) -> Model:
    """(∇·(α∇u) + q) / Π capacities."""
    translator = Translator(axes, {}, discretisation)
    given: dict[str, Coefficient] = {}

    def part(name: str, source: Source, least: float) -> Term:
        if isinstance(source, str) and depends_on_more(source):
            return translator.term(RightSide(source, ("u",), (), axes).tree)
        given[name] = Coefficient(source, as_block=name == "source", least=least)
        return Given(name)

    alpha = part("alpha", flow["alpha"], 0.0)
    if isinstance(flow["alpha"], float):
        stencil = discretisation.difference("laplace", axes)
        rate: Term = Pointwise(_product, (alpha, Difference(stencil, Given("u"), alone=True)))
    else:
        rate = DivergenceOfFlux(alpha, Given("u"), discretisation.flux_form(("u",)))
    diffusivity = alpha
    if flow["source"] != 0.0:
        rate = Sum.of(rate, part("source", flow["source"], float("-inf")), 1)
    for name, source in (capacities or {}).items():
        if source != 1.0:
            factor = part(name, source, float("-inf"))
            rate, diffusivity = (Pointwise(_ratio, (term, factor)) for term in (rate, diffusivity))
    given |= {name: Coefficient(source) for name, source in translator.sources.items()}
    equation = Written({"u": rate})
    # One with derivatives in it is not of one cell.
    if diffusivity.width == 0:
        equation = Written({"u": rate}, {"u": Diffusivity(diffusivity, discretisation.mean)})
    return Model(equation, given, dict.fromkeys(range(len(axes)), alpha), discretisation.mean)


def _product(_: Rounding, a: jax.Array, b: jax.Array) -> jax.Array:
    return a * b


def _ratio(rounded: Rounding, a: jax.Array, b: jax.Array) -> jax.Array:
    return rounded.ratio(a, b)
