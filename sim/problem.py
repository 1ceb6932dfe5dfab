"""From a case to the numerics: which grid, which equation, which loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np

from sim import adaptive
from sim.case import Case, Source
from sim.case.equation import PythonTable
from sim.equations import Coefficient, Model, model_of, try_out
from sim.equations.signature import signature
from sim.errors import SimError
from sim.physics import sides_of
from sim.precision import check_largest, check_number
from sim.sources import Checked, evaluator
from sim.team import agreement
from sim.topology import Ghosts, axis_names, box_shape
from sim.transport.protocol import Members, Transport
from solvers.adaptive import AdaptiveMarch
from solvers.block import Block
from solvers.boundary import Neumann, Outflow, Periodic
from solvers.equations import Equation
from solvers.exchange import Exchange
from solvers.fields import Fields
from solvers.grid import Grid
from solvers.halo import exchange_halos
from solvers.implicit.march import ImplicitMarch
from solvers.integrators import BOGACKI_SHAMPINE, Euler, Step
from solvers.march import March
from solvers.wall import Setting
from solvers.walls import Walls

# A cache line, and the widest vector.
_VECTOR_BYTES = 64


@dataclass(frozen=True)
class Variant:
    """A member of an ensemble: its case alone, and the coefficients of its equation."""

    case: Case
    given: Mapping[str, Coefficient]


@dataclass(frozen=True)
class Problem:
    """A case in the terms of `solvers`; knows nothing yet of ranks or devices.

    `members` are those of its ensemble, () where it has none: one equation and one loop serve them all.
    """

    case: Case
    grid: Grid
    equation: Equation
    given: Mapping[str, Coefficient]
    march: March
    implicit: ImplicitMarch | None = None
    members: tuple[Variant, ...] = ()

    @property
    def loop(self) -> March | ImplicitMarch:
        """What takes the steps, where they are equal."""
        return self.implicit or self.march

    @property
    def changeable(self) -> tuple[str, ...]:
        """The coefficients that may get other values on the way."""
        return tuple(name for name, given in self.given.items() if not given.is_worked_in and given.same_as is None)

    @property
    def adaptive(self) -> AdaptiveMarch:
        """What takes the steps, where they are as long as their errors allow."""
        return adaptive.march_of(self.case, self.equation, self.march)

    @property
    def cells(self) -> int:
        """Of all members."""
        return self.grid.cells * max(1, len(self.members))

    @property
    def each(self) -> tuple[Variant, ...]:
        """The members; without an ensemble the case alone."""
        return self.members or (Variant(self.case, self.given),)

    def ghosts(self, depth: int) -> Ghosts:
        """Ghost layers of blocks that take `depth` stages an exchange.

        Along an axis that a block has for itself a stage's are enough, for they follow from its own cells after each
        stage; but not around a periodic axis that is cut into tiles (`solvers.cover`).  Of the last axis there are as
        many as let rows begin where vectors do: else tiles, and GPUs, take a quarter to a half more time.  Whole blocks
        in 3-D on CPUs do without these, for memory is what bounds them.
        """
        width, ndim = self.march.step.width, self.grid.ndim
        cut = [size > 0 for size in self.march.tile] + [False] * (ndim - len(self.march.tile))
        lasting = [around and tiled for around, tiled in zip(self.grid.periodic, cut, strict=True)]
        own = [depth * width if lasts else width for lasts in lasting]
        vector = _VECTOR_BYTES // np.dtype(self.case.numerics.dtype).itemsize
        if any(cut) or ndim < 3 or jax.default_backend() != "cpu":
            own[-1] = -(-own[-1] // vector) * vector
        return Ghosts(depth * width, tuple(own))

    @property
    def most_stages(self) -> int | None:
        """The most stages that one exchange may serve; None: any number.

        Where a step's error decides what comes next: all of its stages but the first, whose tendency is known.
        """
        return len(BOGACKI_SHAMPINE.rows) - 1 if self.case.time.adaptive else None

    def stepped_by(self, step: Step) -> Problem:
        """The same problem with another step of the same width."""
        return replace(self, march=replace(self.march, step=step))

    def in_tiles(self, tile: Sequence[int]) -> Problem:
        """The same problem, stepped in tiles of so many cells along the first axes; of none: by whole blocks."""
        return replace(self, march=replace(self.march, tile=tuple(tile)))

    def initial(self, transport: Transport) -> Fields:
        """The fields at time 0 as distributed blocks.  Collective, and raises SimError where values are bad."""
        return {
            name: self._place(f"initial.{name}", lambda one, name=name: one.case.initial[name], transport)  # type: ignore[misc]
            for name in self.equation.fields
        }

    def coefficients(self, transport: Transport) -> Fields:
        """Scalars and distributed blocks that the tendency reads.  Collective, and raises SimError like `initial`."""
        return {
            name: self._scalar(name, transport) if given.is_scalar else self._block(name, transport)
            for name, given in self.given.items()
        }

    def exact(self, transport: Transport, time: float) -> Fields:
        """The exact solutions that the case knows, at a time, float64.  Collective; raises SimError like `initial`."""
        return {
            name: self._place(f"exact.{name}", lambda one, name=name: one.case.exact[name], transport, time, "float64")  # type: ignore[misc]
            for name in self.each[0].case.exact
        }

    def blank(self, transport: Transport) -> tuple[Fields, Fields]:
        """Fields and coefficients like the problem's, of ones: something to step."""
        dtype = self.case.numerics.dtype

        def ones() -> jax.Array:
            return transport.place(lambda box: np.broadcast_to(np.ones((), dtype), box_shape(box)), dtype)

        coefficients = {name: jnp.ones((), dtype) if given.is_scalar else ones() for name, given in self.given.items()}
        return {name: ones() for name in self.equation.fields}, coefficients

    @property
    def cell_bytes(self) -> int:
        """Bytes that a step moves of each cell: old and new values of fields, registers, coefficients that vary."""
        others = len(self.march.step.registers) + sum(not given.is_scalar for given in self.given.values())
        return (2 * len(self.equation.fields) + others) * np.dtype(self.case.numerics.dtype).itemsize

    def fill_coefficients(
        self, block: Block, exchange: Exchange, fields: Fields
    ) -> tuple[Fields, dict[str, jax.Array]]:
        """Coefficients with their ghosts: a program."""
        setting = Setting(block, exchange, {}, jnp.float64(0.0))
        halos = {name: exchange_halos(u, block, exchange) for name, u in fields.items()}
        return {name: self.beyond_walls(name).fill(u, setting) for name, u in halos.items()}, {}

    def beyond_walls(self, name: str) -> Walls:
        """What a coefficient is beyond the walls, as far as a stage looks."""
        sides = []
        for (lower, upper), cells in zip(next(iter(self.march.walls.values())).sides, self.grid.shape, strict=True):
            # Of one cell nothing is known but its value.
            side = Outflow() if self.given[name].goes_on and cells > 1 else Neumann()
            sides.append((lower, upper) if isinstance(lower, Periodic) else (side, side))
        return Walls(sides, self.grid, self.march.step.width)

    def _scalar(self, name: str, transport: Transport) -> Any:
        dtype = self.case.numerics.dtype
        numbers = [one.given[name].source for one in self.each]
        for member, number in enumerate(numbers):
            of = f"member {member}: " if self.members else ""
            check_number(f"{of}equation.{name}", cast(float, number), dtype)
        if all(number == numbers[0] for number in numbers):
            return jnp.asarray(numbers[0], dtype)
        return cast(Members, transport).per_member(cast(list[float], numbers), dtype)

    def _block(self, name: str, transport: Transport) -> jax.Array:
        least = self.given[name].least
        shared = self.is_shared(name)
        return self._place(
            f"equation.{name}", lambda one: one.given[name].source, transport, least=least, shared=shared
        )

    def is_shared(self, name: str) -> bool:
        """Whether it is a coefficient of which all members have the same values."""
        return name in self.given and all(one.given[name].source == self.given[name].source for one in self.each)

    def _place(
        self,
        key: str,
        source_of: Callable[[Variant], Source],
        transport: Transport,
        time: float | None = None,
        dtype: str | None = None,
        least: float = -np.inf,
        shared: bool = False,
    ) -> jax.Array:
        """A field of the case, or of all its members; one alone where they share it.  Collective.

        Raises SimError, on all ranks alike, for bad values, and where none is left of them in the field's type, but
        at a `time`: what has decayed may be as small as it likes.
        """
        dtype = dtype or self.case.numerics.dtype
        alone = shared or not self.members

        def evaluate(name: str, one: Variant) -> Checked:
            return evaluator(name, source_of(one), self.grid, one.case.base, time, dtype, least)

        with agreement(transport.team):
            if alone:
                each = [evaluate(key, self.each[0])]
                placed = transport.place(each[0], dtype)
            else:
                each = [evaluate(f"member {number}: {key}", one) for number, one in enumerate(self.each)]
                placed = cast(Members, transport).place_each(each, dtype)
        if time is None:
            of_ranks = transport.team.gather([one.largest for one in each])
            for one, largest in zip(each, np.max(of_ranks, axis=0), strict=True):
                check_largest(f"{one.key} is {largest:g} at most", largest, dtype)
        return placed


def build(case: Case) -> Problem:
    """Raises SimError for what can be seen only now."""
    grid = case.to_grid()
    variants = [_Built(one, model_of(one)) for one in case.members() or (case,)]
    for number, one in enumerate(variants):
        _check_alike(number, one, variants[0])
    model = variants[0].model
    _check_reach(case, grid, model.equation.width)
    try_out(case, model)
    equation = model.equation
    # The one that every equation has; another may take its place once it is known how fast the fields change.
    step = Euler(equation)
    walls = {name: Walls(sides_of(case, model, name), grid, step.width) for name in equation.fields}
    members = tuple(Variant(one.case, one.model.coefficients) for one in variants) if case.ensemble else ()
    return Problem(case, grid, equation, model.coefficients, March(step, walls, grid), members=members)


def _check_reach(case: Case, grid: Grid, width: int) -> None:
    """Raise SimError where an axis has fewer cells than a stage looks at on each side: no block has so many ghosts."""
    for name, cells in zip(axis_names(grid.ndim), grid.shape, strict=True):
        if cells < width:
            second = case.model_copy(update={"numerics": case.numerics.model_copy(update={"order": 2})})
            lower = ", or numerics.order = 2" if model_of(second).equation.width <= cells else ""
            raise SimError(
                f"grid.{name}.cells is {cells}, and the equation looks at {width} cells on each side; "
                f"give at least {width}{lower}"
            )


class _Built(NamedTuple):
    case: Case
    model: Model


def _check_alike(number: int, mine: _Built, first: _Built) -> None:
    """Raise SimError where a member takes another program than the first one: one serves all."""
    kinds = [{name: c.is_scalar for name, c in one.model.coefficients.items()} for one in (mine, first)]
    if kinds[0] != kinds[1] or signature(mine.model.equation) != signature(first.model.equation):
        in_python = isinstance(mine.case.equation, PythonTable)
        what = "its coefficients, no parameters" if in_python else "what the equation only reads, no exponents"
        raise SimError(
            f"member {number} of the ensemble takes another program than member 0, and all share one: let vary {what}, "
            f"and give of one key only numbers, or only formulas of the place"
        )
