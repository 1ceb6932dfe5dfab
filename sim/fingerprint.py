"""Do all ranks run the same thing?  Asked before they can wait for each other in vain."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import jax

from sim import casefile
from sim.case import Case
from sim.errors import SimError
from sim.record import versions
from sim.team import Team

# What JAX calls the operations in which blocks meet.
_COMMUNICATION = ("ppermute", "psum", "pmax", "all_gather", "mpi_sendrecv", "mpi_allreduce", "rank_call")


def compare(team: Team, what: Mapping[str, str]) -> None:
    """Raise SimError, on all ranks alike, unless all of them bring the same.  Collective."""
    theirs = team.gather(dict(what))
    differing = [key for key in what if len({other.get(key) for other in theirs}) > 1]
    if differing:
        lines = [f"  {key}: {_by_rank([other.get(key, 'nothing') for other in theirs])}" for key in differing]
        raise SimError(
            "\n".join(["the ranks are not about to run the same thing; start all with the same case:", *lines])
        )


def of_case(case: Case) -> dict[str, str]:
    """What can differ before anything is built: the program's version, JAX's, and the case."""
    text = casefile.to_toml(case)
    found = {f"version of {name}": version for name, version in versions().items() if name in ("halostep", "jax")}
    return {**found, "case": f"{case.name} {_digest(text)}"}


def of_program(traced: Any) -> dict[str, str]:
    """The communication schedule of a traced program: which operations, on what, in which order."""
    schedule = list(_communication(traced.jaxpr.jaxpr))
    return {"communication": f"{len(schedule)} operations {_digest(' '.join(schedule))}"}


def _communication(jaxpr: Any) -> Iterator[str]:
    for equation in jaxpr.eqns:
        name = equation.primitive.name
        if name.startswith(_COMMUNICATION):
            # Strips differ by a cell where blocks do, so of a shape only the number of axes must agree.
            yield from (f"{name}:{v.aval.dtype}:{v.aval.ndim}" for v in equation.invars)
        for inner in jax.tree.leaves(list(equation.params.values()), is_leaf=_is_jaxpr):
            if _is_jaxpr(inner):
                yield from _communication(getattr(inner, "jaxpr", inner))


def _is_jaxpr(value: Any) -> bool:
    return hasattr(value, "eqns")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _by_rank(values: list[str]) -> str:
    """'a on ranks 0, 2; b on rank 1'."""
    parts = []
    for value in dict.fromkeys(values):
        ranks = [str(rank) for rank, other in enumerate(values) if other == value]
        parts.append(f"{value} on rank{'s' * (len(ranks) > 1)} {', '.join(ranks)}")
    return "; ".join(parts)
