"""Heat, with whatever it depends on."""

from __future__ import annotations

import jax

from sim.case import Source
from sim.case.equation import AnisotropicTable, ConductionTable, HeatTable
from sim.case.equation.base import depends_on_more
from sim.equations.model import Coefficient, Model
from sim.equations.translation import Discretisation, Translator
from sim.errors import SimError
from sim.expression import RightSide
from solvers.equations import Anisotropic, Balance, Equation, FourthOrderAnisotropic, Heat, Written
from solvers.fluxes import FluxForm, GivenSides
from solvers.rounding import Rounding
from solvers.stencil import Stencil
from solvers.terms import Difference, DivergenceOfFlux, Given, Pointwise, Sum, Term


def heat(table: HeatTable, axes: tuple[str, ...], discretisation: Discretisation) -> Model:
    """∂u/∂t = ∇·(α∇u) + q; α and q of the place alone are coefficients."""
    if depends_on_more(table.alpha) or depends_on_more(table.source):
        return _composed(table.alpha, table.source, (1.0, 1.0), axes, discretisation)
    if isinstance(table.alpha, float):
        form: Stencil | FluxForm = discretisation.difference("laplace", axes)
    else:
        form = discretisation.flux_form(("u",))
    source = {} if table.source == 0.0 else {"source": Coefficient(table.source, as_block=True)}
    return Model(Heat(form), {"alpha": Coefficient(table.alpha, least=0.0), **source})


def conduction(table: ConductionTable, axes: tuple[str, ...], discretisation: Discretisation) -> Model:
    """ρ c ∂u/∂t = ∇·(k∇u) + q."""
    capacities = (table.density, table.capacity)
    return _composed(table.conductivity, table.source, capacities, axes, discretisation)


def anisotropic(
    table: AnisotropicTable,
    axes: tuple[str, ...],
    discretisation: Discretisation,
    held: GivenSides,
    exchanges: bool,
) -> Model:
    """ρ c ∂u/∂t = ∇·(A∇u) + q.

    held: the sides at which u is given.  exchanges: whether what flows through a wall depends on u there.
    """
    found: dict[str, Coefficient] = {}
    turning: dict[int, dict[int, str]] = {}
    for name, entry in table.tensor:
        if entry != 0.0:
            i, j = sorted(axes.index(axis) for axis in name)
            found[f"alpha_{i}{j}"] = Coefficient(entry, least=0.0 if i == j else float("-inf"))
            for normal, other in ((i, j), (j, i)) if i != j else ():
                turning.setdefault(normal, {})[other] = f"alpha_{i}{j}"
    source = table.source
    if source != 0.0 and not depends_on_more(source):
        # The tensor's equation has a source of its own, and what is left to add is none.
        found["source"] = Coefficient(source, as_block=True)
        source = 0.0
    given = discretisation.given["u"]
    equation: Equation = Anisotropic(given, held, bool(turning) and exchanges)
    if discretisation.order == 4:
        if turning and any(any(sides) for sides in given):
            raise SimError(
                "at walls through which heat flows, a tensor that turns heat has fluxes of second order; "
                "use numerics.order = 2, or walls that are periodic, dirichlet or outflow"
            )
        equation = FourthOrderAnisotropic(given)
    if not table.plain:
        parts = _Parts(Translator(axes, {}, discretisation))
        equation = Balance(
            equation, parts.balanced(Given(Balance.FLOW, derivatives=2), source, table.density, table.capacity)
        )
        found |= parts.coefficients()
    conductivities = {axis: Given(f"alpha_{axis}{axis}") for axis in range(len(axes))}
    return Model(equation, found, conductivities, turning=turning)


class _Parts:
    """Formulas as terms, with the coefficients that these read."""

    def __init__(self, translator: Translator) -> None:
        self._translator = translator
        self._given: dict[str, Coefficient] = {}
        self._terms: dict[str, Term] = {}

    def term(self, name: str, source: Source, least: float = float("-inf")) -> Term:
        """By that name a coefficient, unless it depends on more than the place."""
        if name not in self._terms:
            self._terms[name] = self._translated(name, source, least)
        return self._terms[name]

    def _translated(self, name: str, source: Source, least: float) -> Term:
        if isinstance(source, str) and depends_on_more(source):
            return self._translator.term(RightSide(source, ("u",), (), self._translator.axes).tree)
        self._given[name] = Coefficient(source, as_block=name == "source", least=least)
        return Given(name)

    def balanced(self, flow: Term, source: Source, *capacities: Source) -> Term:
        """(flow + q) / ρ c, without a q that is 0, and a ρ or c that is 1."""
        if source != 0.0:
            flow = Sum.of(flow, self.term("source", source), 1)
        for name, capacity in zip(("density", "capacity"), capacities, strict=True):
            if capacity != 1.0:
                flow = Pointwise(_ratio, (flow, self.term(name, capacity)), linear=(0,))
        return flow

    def coefficients(self) -> dict[str, Coefficient]:
        return self._given | {name: Coefficient(source) for name, source in self._translator.sources.items()}


def _composed(
    conductivity: Source,
    source: Source,
    capacities: tuple[Source, Source],
    axes: tuple[str, ...],
    discretisation: Discretisation,
) -> Model:
    """(∇·(α∇u) + q) / Π capacities."""
    parts = _Parts(Translator(axes, {}, discretisation))
    alpha = parts.term("alpha", conductivity, 0.0)
    if isinstance(conductivity, float):
        stencil = discretisation.difference("laplace", axes)
        flow: Term = Pointwise(_product, (alpha, Difference(stencil, Given("u"))), linear=(0, 1))
    else:
        flow = DivergenceOfFlux(alpha, Given("u"), discretisation.flux_form(("u",)))
    equation = Written({"u": parts.balanced(flow, source, *capacities)}, discretisation.mean)
    return Model(equation, parts.coefficients(), dict.fromkeys(range(len(axes)), alpha), discretisation.mean)


def _product(_: Rounding, a: jax.Array, b: jax.Array) -> jax.Array:
    return a * b


def _ratio(rounded: Rounding, a: jax.Array, b: jax.Array) -> jax.Array:
    return rounded.ratio(a, b)
