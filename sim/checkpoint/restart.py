"""Going on from a checkpoint: where the run stood, and whether it is still the same run."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np
from pydantic import ValidationError

from sim import casefile, record
from sim.case import Case
from sim.checkpoint import inputs
from sim.checkpoint.changes import as_json, differences, differences_of_series
from sim.checkpoint.standing import Standing
from sim.checkpoint.store import Checkpoint, Store
from sim.errors import SimError
from sim.team import Team, agreement, on_root

if TYPE_CHECKING:
    import jax

    from sim.topology import Box
    from sim.transport.protocol import Members, Transport

# Whose versions may change a bit.
_ARITHMETIC = ("halostep", "jax", "jaxlib", "numpy")


@dataclass(frozen=True)
class Restart:
    """A checkpoint of this very case among those of its run, and the run's standing in it."""

    store: Store
    checkpoint: Checkpoint
    standing: Standing
    case: Case

    @property
    def step(self) -> int:
        return self.checkpoint.manifest.step

    @property
    def time(self) -> float:
        return self.checkpoint.manifest.time

    def fields(self, transport: Transport) -> dict[str, jax.Array]:
        """The fields as distributed blocks, each process reading the cells of its own.  Raises SimError."""
        return {
            name: self._field(name, entry.dtype, transport) for name, entry in self.checkpoint.manifest.fields.items()
        }

    def _field(self, name: str, dtype: str, transport: Transport) -> jax.Array:
        ensemble = self.case.ensemble
        if ensemble is None:
            return transport.place(partial(self.checkpoint.read, name), dtype)

        def of_member(number: int, box: Box) -> np.ndarray:
            return self.checkpoint.read(name, (slice(number, number + 1), *box))[0]

        each = [partial(of_member, number) for number in range(ensemble.members)]
        return cast("Members", transport).place_each(each, dtype)


def restart(store: Store, case: Case, team: Team) -> Restart | None:
    """Where to go on with a case; None: at the beginning, since no checkpoint was ever made.  Collective.

    Raises SimError, on all ranks alike, where no checkpoint is whole or the newest that is was another case's.
    """
    checkpoint = store.newest()
    if checkpoint is None:
        return None
    with agreement(team):
        found = Restart(store, checkpoint, _standing(checkpoint, case), case)
    on_root(team, lambda: inputs.check(checkpoint.manifest.inputs, case))
    if team.rank == 0:
        _compare_versions(checkpoint.manifest.versions)
    return found


def _compare_versions(written: Mapping[str, str]) -> None:
    """Say so where the bits may come out otherwise than they would have."""
    here = record.versions()
    if others := [f"{name} {written.get(name)}" for name in _ARITHMETIC if written.get(name) != here.get(name)]:
        print(
            f"sim: note: the checkpoint was written with {', '.join(others)}; from there on the last bits may differ",
            file=sys.stderr,
        )


def _standing(checkpoint: Checkpoint, case: Case) -> Standing:
    """Raises SimError where the checkpoint is another case's, with what differs."""
    manifest, folder = checkpoint.manifest, checkpoint.folder
    origin = f"the case in the checkpoint {folder}"
    before = casefile.validate(manifest.case, origin)
    if changes := _listed(differences(as_json(before), as_json(case))):
        raise SimError(
            f"the case is not that of the checkpoint {folder}:\n{changes}\n"
            f"time.end, [output], [parallel] and [checkpoint] may change; put the rest back, or start another run"
        )
    shape = shape_of_field(case)
    for name, entry in manifest.fields.items():
        if entry.shape != shape:
            raise SimError(f"{folder} holds {name} on {entry.shape} cells, but the case's grid has {shape}")
    try:
        standing = Standing.model_validate_json(json.dumps(manifest.state))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise SimError(f"{folder} does not say where the run stood: {where}: {first['msg']}") from None
    pace, members = standing.pace, case.ensemble.members if case.ensemble else 1
    if case.time.adaptive != (pace is not None) or (pace and len(pace.time) != members):
        raise SimError(f"{folder} does not hold the steps of {case.time.integrator}, or not of {members} members")
    if standing.initial.keys() != set(case.equation.fields):
        raise SimError(f"{folder} holds {', '.join(manifest.fields)}, and numbers of {', '.join(standing.initial)}")
    begun = [name for name, written in standing.written.items() if written.times]
    if changes := _listed(differences_of_series(before, case, begun)):
        raise SimError(
            f"the files that the run has written and those to come would not hold the same:\n{changes}\n"
            f"`every` and `compress` may change; put the rest back and ask for more by a new output.extra.NAME, "
            f"or start another run"
        )
    return standing


def _listed(changes: Iterable[str]) -> str:
    return "\n".join(f"  {change}" for change in changes)


def shape_of_field(case: Case) -> tuple[int, ...]:
    """The grid's, and before that the number of members."""
    return (*([] if case.ensemble is None else [case.ensemble.members]), *case.to_grid().shape)
