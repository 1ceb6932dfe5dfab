"""A kernel for GPUs, of all that a stage does to a block."""

from __future__ import annotations

import operator
from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton

from solvers.block import Count
from solvers.cellwise.cells import CellValues
from solvers.cellwise.index import Domain, Index
from solvers.cellwise.program import KernelInput, KernelProgram, NotTakenError
from solvers.cellwise.tiling import Tiling

_WARPS = 8

# Indices along an axis are int32, and some lie a tile beyond its end.
_MOST_ALONG_AN_AXIS = 1 << 30


def run(
    program: KernelProgram, into: Sequence[jax.Array], corner: Sequence[Count], interpreted: bool = False
) -> list[jax.Array]:
    """Write a program's results into `into`, in place, from `corner` on; return these arrays.

    interpreted: by Pallas's interpreter, which needs no GPU.  Raises NotTakenError.
    """
    shapes = {value.shape for value in program.results}
    if len(shapes) != 1 or not 1 <= len(corner) <= 3:
        raise NotTakenError("results of several shapes, or dimensions")
    first = tuple(start for start in corner if isinstance(start, int))
    if len(first) < len(corner):
        raise NotTakenError("a place that is not known when compiling")
    shape = shapes.pop()
    if any(n + start > _MOST_ALONG_AN_AXIS for n, start in zip(shape, first, strict=True)):
        raise NotTakenError("an axis of more cells than a kernel counts")
    tiling = Tiling(shape)
    # What is written is handed over once, or XLA would copy it.
    both = {id(x): i for x in program.given for i, u in enumerate(into) if x.value is u}
    only_read = [x for x in program.given if id(x) not in both]
    given = [x.value if x.shape else jnp.reshape(x.value, (1,)) for x in only_read]
    anywhere = pl.BlockSpec(memory_space=pl.ANY)

    def kernel(*refs: Any) -> None:
        read = {id(x): ref for x, ref in zip(only_read, refs, strict=False)}
        read |= {x: refs[len(given) + i] for x, i in both.items()}
        scalars = {id(x): read[id(x)][0] for x in only_read if not x.shape}
        _Kernel(program, tiling, first, read, scalars, both, refs[-len(into) :]).run()

    call = pl.pallas_call(
        kernel,
        out_shape=[jax.typeof(u) for u in into],
        grid=tiling.grid,
        in_specs=[anywhere] * (len(given) + len(into)),
        out_specs=[anywhere] * len(into),
        input_output_aliases={len(given) + i: i for i in range(len(into))},
        compiler_params=triton.CompilerParams(num_warps=_WARPS),
        interpret=interpreted,
        name="stage",
    )
    return list(call(*given, *into))


@dataclass(frozen=True)
class _Kernel:
    """A program's results, written `out` from `corner` on.

    read: references to what is given, by identity.  written: those of what is written, too.
    """

    program: KernelProgram
    tiling: Tiling
    corner: tuple[int, ...]
    read: dict[int, Any]
    scalars: dict[int, jax.Array]
    written: Container[int]
    out: Sequence[Any]

    def run(self) -> None:
        """Compute all tiles that fall to this program of Pallas's grid."""
        tiling, ndim = self.tiling, self.tiling.ndim
        first = [pl.program_id(ndim - 1 - axis) * np.int32(size) for axis, size in enumerate(tiling.of_a_program)]
        if tiling.times == 1:
            self._tile(first)
            return
        size = np.int32(tiling.sizes[0])
        times = jnp.minimum(np.int32(tiling.times), (np.int32(tiling.shape[0]) - first[0]) // size)
        lax.fori_loop(np.int32(0), times, lambda i, _: self._tile([first[0] + i * size, *first[1:]]), None)

    def _tile(self, starts: Sequence[jax.Array]) -> None:
        """Away from walls there are no ghosts to be thought of; near those along the last axis are many tiles."""
        *others, last = range(self.tiling.ndim)
        wanted, seen = self.tiling.away((*others, last))
        if any(first >= until for first, until in wanted):
            self._compute(starts, self.tiling.wanted, self.tiling.seen)
            return
        *apart, across = [
            (start >= np.int32(first)) & (start + np.int32(span) <= np.int32(until))
            for start, span, (first, until) in zip(starts, self.tiling.spans, wanted, strict=True)
        ]
        inside = reduce(operator.and_, apart, jnp.bool_(True))
        pl.when(inside & across)(lambda: self._compute(starts, wanted, seen))
        pl.when(inside & ~across)(lambda: self._compute(starts, *self.tiling.away(others)))
        if others:
            pl.when(~inside)(lambda: self._compute(starts, self.tiling.wanted, self.tiling.seen))

    def _compute(self, starts: Sequence[jax.Array], wanted: Domain, seen: Domain) -> None:
        ndim = self.tiling.ndim
        along = [
            _along(start, span, axis, ndim)
            for axis, (start, span) in enumerate(zip(starts, self.tiling.spans, strict=True))
        ]
        cells = CellValues(along, self._load, seen, self.written)
        mask = cells.mask(wanted, seen)
        for layer in range(self.tiling.layers):
            here = tuple(Index(axis, 1, layer if axis == 0 else 0) for axis in range(ndim))
            own = tuple(index.shifted(start) for index, start in zip(here, self.corner, strict=True))
            where = list(map(cells.index, own))
            # All of a layer's before any is written: one may be read for the other.
            found = cells.all_at(self.program.results, here, own, wanted)
            for values, ref in zip(found, self.out, strict=True):
                values = jnp.broadcast_to(values, _shape_of(where)).astype(ref.dtype)
                triton.store(ref.at[tuple(where)], values, mask=_over(mask, where))

    def _load(self, given: KernelInput, where: Sequence[Any], mask: jax.Array | bool) -> jax.Array:
        if not where:
            return self.scalars[id(given)]
        other = None if mask is True else 0
        found: jax.Array = triton.load(self.read[id(given)].at[tuple(where)], mask=_over(mask, where), other=other)
        return found


def _along(start: jax.Array, span: int, axis: int, ndim: int) -> jax.Array:
    """Cells along an axis, shaped to broadcast over the last two."""
    if span == 1:
        return start
    cells = start + jnp.arange(span, dtype=jnp.int32)
    if ndim == 1:
        return cells
    return cells[None, :] if axis == ndim - 1 else cells[:, None]


def _shape_of(where: Sequence[Any]) -> tuple[int, ...]:
    return jnp.broadcast_shapes(*(jnp.shape(index) for index in where))


def _over(mask: jax.Array | bool, where: Sequence[Any]) -> jax.Array | None:
    return None if mask is True else jnp.broadcast_to(mask, _shape_of(where))
