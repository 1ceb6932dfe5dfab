"""Do all ranks run the same thing?  Asked before they can wait for each other in vain."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax

from sim import casefile
from sim.case import Case
from sim.errors import SimError
from sim.record import versions
from sim.team import Team, agreement

# What JAX calls the operations in which blocks meet.
_COMMUNICATION = ("ppermute", "psum", "pmax", "all_gather", "mpi_sendrecv", "mpi_allreduce", "rank_call")

_MOST_SHOWN = 60


def compare(team: Team, what: Mapping[str, str]) -> None:
    """Raise SimError, on all ranks alike, unless all of them bring the same.  Collective."""
    _refuse(_differences(team.gather(dict(what))))


def compare_cases(team: Team, case: Case) -> None:
    """Likewise, before anything is built, of the program's version, JAX's, and the case.  Collective."""
    with agreement(team):
        found = {f"version of {name}": version for name, version in versions().items() if name in ("halostep", "jax")}
        whole = {**found, "case": f"{case.name} {_digest(casefile.to_toml(case))}"}
    differing = _differences(team.gather(whole))
    # Which keys they are is of interest, and worth a long message, only now.
    keys = {key: _shown(value) for key, value in casefile.flat(case.model_dump(mode="json", exclude_none=True))}
    _refuse(differing and (_differences(team.gather({**found, **keys})) or differing))


def _differences(theirs: Sequence[Mapping[str, str]]) -> list[str]:
    """What ranks bring that is not the same, a line each."""
    keys = dict.fromkeys(key for other in theirs for key in other)
    each = {key: [other.get(key, "nothing") for other in theirs] for key in keys}
    return [f"  {key}: {_by_rank(values)}" for key, values in each.items() if len(set(values)) > 1]


def _refuse(differing: Sequence[str]) -> None:
    if differing:
        raise SimError(
            "\n".join(["the ranks are not about to run the same thing; start all with the same case:", *differing])
        )


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}… {_digest(text)}"


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
