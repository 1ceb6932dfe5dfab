"""A simulation into a checkpoint."""

from __future__ import annotations

from functools import cached_property

from sim import record
from sim.case import Case
from sim.checkpoint import inputs
from sim.checkpoint.changes import as_json
from sim.checkpoint.restart import shape_of_field
from sim.checkpoint.standing import Standing
from sim.checkpoint.store import Content, Store
from sim.simulation import Simulation
from sim.team import Team, on_root


class Saver:
    """Writes one run's checkpoints."""

    def __init__(self, store: Store, case: Case, team: Team) -> None:
        self._store, self._case, self._team = store, case, team

    def save(self, simulation: Simulation, standing: Standing) -> None:
        """Raises SimError, on all ranks alike, where it can't be written.  Collective."""
        content = Content(
            step=simulation.step,
            time=simulation.time,
            shapes=dict.fromkeys(simulation.state, shape_of_field(self._case)),
            state=standing.model_dump(mode="json"),
            case=as_json(self._case),
            inputs=self._inputs,
            versions=record.versions(),
        )
        self._store.write(content, {name: simulation.blocks(name) for name in simulation.state})

    @cached_property
    def _inputs(self) -> dict[str, str]:
        found: dict[str, str] = on_root(self._team, lambda: inputs.digests(self._case))
        return found
