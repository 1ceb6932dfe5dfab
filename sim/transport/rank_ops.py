"""MPI calls that a program over several devices may make.

mpi4jax keeps its calls in order by an ordered effect, which JAX refuses in such programs.  Here the calls'
order follows from their data alone: each takes a token of its own, and tags keep concurrent devices apart.
What runs is mpi4jax's own compiled calls, by the names under which they are registered with XLA (0.9.1).
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir
from jaxlib.mlir.dialects import stablehlo


def sendrecv(x: jax.Array, *, source: int, dest: int, tag: int, comm: Any) -> jax.Array:
    """Send x to rank `dest`; what rank `source` sends with the same tag, of x's shape and dtype."""
    from mpi4jax._src.utils import to_dtype_handle, to_mpi_handle
    from mpi4jax._src.xla_bridge import MPI_STATUS_IGNORE_ADDR

    kind = to_dtype_handle(x.dtype)
    count = int(np.prod(x.shape))
    return _call(
        x,
        "mpi_sendrecv_ffi",
        sendcount=count,
        dest=dest,
        sendtag=tag,
        sendtype=kind,
        recvcount=count,
        source=source,
        recvtag=tag,
        recvtype=kind,
        comm=to_mpi_handle(comm),
        status=MPI_STATUS_IGNORE_ADDR,
    )


def allreduce(x: jax.Array, *, op: Any, comm: Any) -> jax.Array:
    """x reduced over all ranks, elementwise; to be called by one device of each rank."""
    from mpi4jax._src.utils import to_dtype_handle, to_mpi_handle

    return _call(
        x,
        "mpi_allreduce_ffi",
        nitems=int(np.prod(x.shape)),
        op=to_mpi_handle(op),
        comm=to_mpi_handle(comm),
        dtype=to_dtype_handle(x.dtype),
    )


def _call(x: jax.Array, target: str, **attributes: int) -> jax.Array:
    result: jax.Array = _rank_call.bind(x, target=target, attributes=tuple(attributes.items()))
    return result


_rank_call = Primitive("rank_call")


@_rank_call.def_abstract_eval
def _like_operand(x: Any, *, target: str, attributes: tuple[tuple[str, int], ...]) -> Any:
    return x


def _lower(ctx: Any, x: Any, *, target: str, attributes: tuple[tuple[str, int], ...]) -> Any:
    from mpi4jax._src.jax_compat import abstract_token

    with_token = ctx.replace(avals_in=(*ctx.avals_in, abstract_token), avals_out=(*ctx.avals_out, abstract_token))
    rule = jax.ffi.ffi_lowering(target, has_side_effect=True)
    values = {name: np.int64(value) for name, value in attributes}
    result, _ = rule(with_token, x, stablehlo.create_token(), **values)
    return [result]


mlir.register_lowering(_rank_call, _lower)


# What of a call's attributes says how many numbers there are.
_COUNTS = ("sendcount", "recvcount", "nitems")


def _batched(operands: Any, axes: Any, *, target: str, attributes: tuple[tuple[str, int], ...]) -> Any:
    """One message for all that is mapped over."""
    (x,), (axis,) = operands, axes
    larger = tuple((name, value * x.shape[axis] if name in _COUNTS else value) for name, value in attributes)
    return _rank_call.bind(x, target=target, attributes=larger), axis


batching.primitive_batchers[_rank_call] = _batched
