"""An equation of the user's own, tried on a few cells, so that no run need find out."""

from __future__ import annotations

import importlib
import linecache
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

import solvers
from sim.case import Case
from sim.case.equation import PythonTable
from sim.equations.model import Model
from sim.errors import SimError
from solvers.equations import Diffusion, Equation, Rates
from solvers.grid import Grid
from solvers.patch import Patch
from solvers.rounding import Rounding

_HOMES = (*(one.__file__ or "" for one in (jax, np, solvers, importlib)), __file__)
_NOT_THE_USERS = tuple(str(Path(file).parent) for file in _HOMES)
_LONGEST = 200


def try_out(case: Case, model: Model) -> None:
    """Raise SimError where what an equation in Python returns is not what `Equation` promises, or where it raises.

    Nothing is computed: JAX traces it, as it will later, on a patch of a few cells.  What only implicit methods ask
    for is tried where there is one.
    """
    if not isinstance(case.equation, PythonTable):
        return
    trial = _Trial(f"equation.kind = {case.equation.kind}", model, case.to_grid(), np.dtype(case.numerics.dtype))
    trial.ask("tendency", trial.checked_changes)
    if type(model.equation).change is not Equation.change:
        trial.ask("change", trial.checked_changes)
    program, scalars = trial.ask("rates", trial.checked_rates)
    trial.check_scalars(program, scalars)
    if case.time.implicit:
        trial.ask("stiff", trial.checked_changes)
        trial.ask("diffusion", trial.checked_diffusion)


@contextmanager
def raising(what: str) -> Iterator[None]:
    """What the user's code raises inside, as a SimError that says where it did."""
    try:
        yield
    except SimError:
        raise
    except Exception as error:
        said = (str(error).strip().splitlines() or [""])[0]
        raise SimError(f"{what} raises {type(error).__name__}: {said:.{_LONGEST}}{_place_of(error)}") from error


def _place_of(error: Exception) -> str:
    """The last line of the user's own on the way to it, where there is one."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [one for one in frames if one.lineno and not one.filename.startswith((*_NOT_THE_USERS, "<"))]
    if not theirs:
        return ""
    last = theirs[-1]
    linecache.checkcache(last.filename)
    line = linecache.getline(last.filename, last.lineno or 0).strip()
    return f" ({Path(last.filename).name}, line {last.lineno}: {line:.{_LONGEST}})"


@dataclass(frozen=True)
class _Trial:
    """`called`: the equation, in the user's words."""

    called: str
    model: Model
    grid: Grid
    dtype: np.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the patch; no two axes are of one length."""
        return tuple(2 * self.model.equation.width + 3 + axis for axis in range(self.grid.ndim))

    @property
    def here(self) -> tuple[Any, ...]:
        """What differs from patch to patch: fields, coefficients that vary, the place."""
        cells, index = jax.ShapeDtypeStruct(self.shape, self.dtype), jax.ShapeDtypeStruct((), jnp.int32)
        varying = [name for name, c in self.model.coefficients.items() if not c.is_scalar]
        fields = self.model.equation.fields
        return dict.fromkeys(fields, cells), dict.fromkeys(varying, cells), (index,) * self.grid.ndim

    def ask(self, name: str, checked: Callable[[str, Any], Any]) -> tuple[Jaxpr, Any]:
        """The program of what is checked of equation.name(patch), and its outputs.

        Traced twice: arrays kept from one trace, as by a cached property, are of no use in another one.
        """
        self._trace(name, checked)
        program, outputs = self._trace(name, checked)
        for kept in (array for array in program.consts if isinstance(array, Tracer)):
            raise SimError(
                f"{self.called}: {name}(patch) uses {_kind(kept)} that an earlier call has made; let it be a pure "
                f"function of the patch, and make what it keeps with numpy, or where the equation is made"
            )
        return program.jaxpr, outputs

    def _trace(self, name: str, checked: Callable[[str, Any], Any]) -> tuple[ClosedJaxpr, Any]:
        scalars = [name for name, c in self.model.coefficients.items() if c.is_scalar]
        number, time = jax.ShapeDtypeStruct((), self.dtype), jax.ShapeDtypeStruct((), jnp.float64)

        def asked(here: Any, scalars: Any, time: Any) -> Any:
            fields, varying, origin = here
            patch = Patch(fields, {**varying, **scalars}, time, origin, self.grid, Rounding.by(time))
            dt = (time,) if name == "change" else ()
            with raising(f"{self.called}: {name}(patch)"):
                found = getattr(self.model.equation, name)(patch, *dt)
            return checked(name, found)

        return jax.make_jaxpr(asked, return_shape=True)(self.here, dict.fromkeys(scalars, number), time)

    def checked_changes(self, name: str, found: Any) -> Any:
        fields, width = self.model.equation.fields, self.model.equation.width
        if not isinstance(found, Mapping) or set(found) != set(fields):
            raise self._misfit(name, _kind(found), f"a dict of an array for each field: {', '.join(fields)}")
        inner = tuple(n - 2 * width for n in self.shape)
        for field, change in found.items():
            if not _is_array(change) or change.shape != inner or change.dtype != self.dtype:
                wanted = f"{self.dtype}{list(inner)}, the patch's dtype, and its cells but {width} on each side"
                raise self._misfit(name, f"{_kind(change)} for {field}", wanted)
        return dict(found)

    def checked_rates(self, name: str, found: Any) -> dict[str, Any]:
        """Those that are scalars."""
        if not isinstance(found, Rates):
            raise self._misfit(name, _kind(found), "solvers.equations.Rates(decay, wave)")
        for part, rate in found._asdict().items():
            if not self._is_of_cells(rate):
                raise self._misfit(name, f"{_kind(rate)} as {part}", "a number, or an array of the patch's cells")
        return {part: rate for part, rate in found._asdict().items() if np.ndim(rate) == 0}

    def check_scalars(self, program: Jaxpr, scalars: dict[str, Any]) -> None:
        """Raise SimError where one depends on what differs between patches: blocks would have rates of their own."""
        count = len(jax.tree.leaves(self.here))
        depend = _depend_on(program, [number < count for number in range(len(program.invars))])
        for part in (part for part, depends in zip(sorted(scalars), depend, strict=True) if depends):
            wanted = "an array of the patch's cells, of which the largest counts; a number is the same in all cells"
            raise self._misfit("rates", f"a number as {part} that depends on the cells", wanted)

    def checked_diffusion(self, name: str, found: Any) -> Any:
        fields = self.model.equation.fields
        if not isinstance(found, Mapping) or not set(found) <= set(fields):
            raise self._misfit(name, _kind(found), f"a dict of the fields that diffuse, among {', '.join(fields)}")
        for field, diffusion in found.items():
            if not isinstance(diffusion, Diffusion):
                raise self._misfit(name, f"{_kind(diffusion)} for {field}", "solvers.equations.Diffusion(k, mean)")
            ks = diffusion.k if isinstance(diffusion.k, tuple) else (diffusion.k,) * self.grid.ndim
            if len(ks) != self.grid.ndim or not all(_is_array(k) and self._is_of_cells(k) for k in ks):
                got = f"a k of {', '.join(map(_kind, ks))} for {field}"
                raise self._misfit(name, got, "an array, of no axes or of the patch's cells, or one for each axis")
        return {}

    def _is_of_cells(self, value: Any) -> bool:
        """Whether it is a real number or an array of the patch's cells, ghosts and all or without some layers."""
        if not (_is_array(value) or type(value) in (int, float)) or jnp.iscomplexobj(value):
            return False
        layers = range(self.model.equation.width + 1)
        shapes = {(), *(tuple(n - 2 * k for n in self.shape) for k in layers)}
        return np.shape(value) in shapes

    def _misfit(self, name: str, got: str, wanted: str) -> SimError:
        patch = f"{self.dtype}{list(self.shape)}"
        return SimError(f"{self.called}: {name}(patch) returns {got}, of a patch of {patch}; wanted is {wanted}")


def _depend_on(program: Jaxpr, chosen: Sequence[bool]) -> list[bool]:
    """Of each output whether it may depend on one of the inputs that are chosen."""
    dependent = {one for one, is_chosen in zip(program.invars, chosen, strict=True) if is_chosen}

    def depends(one: Any) -> bool:
        return not isinstance(one, Literal) and one in dependent

    for equation in program.eqns:
        inputs = list(map(depends, equation.invars))
        inner = equation.params["jaxpr"].jaxpr if equation.primitive.name == "jit" else None
        outputs = _depend_on(inner, inputs) if inner is not None else [any(inputs)] * len(equation.outvars)
        dependent.update(one for one, is_so in zip(equation.outvars, outputs, strict=True) if is_so)
    return list(map(depends, program.outvars))


def _is_array(value: Any) -> bool:
    return isinstance(value, (jax.Array, np.ndarray, np.generic)) and value.dtype != bool


def _kind(value: Any) -> str:
    """What it is, in a few words."""
    if isinstance(value, (jax.Array, np.ndarray, np.generic)):
        return f"{value.dtype}{list(value.shape)}"
    if isinstance(value, Mapping):
        return f"a dict of {', '.join(map(str, value)) or 'nothing'}"
    return "None" if value is None else f"a {type(value).__name__}"
