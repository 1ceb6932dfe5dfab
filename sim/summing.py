"""What came of a run, counted up."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sim.diagnostics import drift
from sim.output.recorder import Recorder
from sim.output.rundir import RunDirectory
from sim.prepared import Prepared
from sim.result import Result


@dataclass(frozen=True)
class Beginning:
    """Where this process took the run up, what the fields were like at time 0, and how long it took to get ready."""

    step: int
    statistics: dict[str, dict[str, float]]
    source_mean: float
    setup_seconds: float


def sum_up(prepared: Prepared, directory: RunDirectory, output: Recorder, beginning: Beginning) -> Result:
    """The result of a run that is at its end.  Collective."""
    simulation, tuning = prepared.simulation, prepared.tuning
    # For a caller that may go elsewhere.
    directory = replace(directory, path=directory.path.absolute())
    transport, case = simulation.transport, simulation.problem.case
    statistics = simulation.statistics()
    cells = simulation.problem.cells
    seconds = max(transport.team.gather(simulation.march_seconds))
    rate = cells * (simulation.step - beginning.step) / seconds if seconds else 0.0
    return Result(
        case=case.name,
        directory=directory.path,
        transport=transport.name,
        ranks=transport.team.size,
        process_grid=transport.topology.blocks,
        ghost_depth=tuning.stages,
        tile=tuning.tile,
        tuned=tuning.why,
        exchange_seconds=tuning.exchange_seconds,
        integrator=prepared.integrator,
        time=simulation.time,
        steps=simulation.step,
        cells=cells,
        setup_seconds=beginning.setup_seconds,
        compile_seconds=simulation.compile_seconds,
        march_seconds=seconds,
        output_seconds=output.seconds,
        cells_per_second=rate,
        teff=2 * np.dtype(case.numerics.dtype).itemsize * rate / 1e9,
        statistics=statistics,
        iterations=dict(simulation.iterations) if simulation.problem.implicit else None,
        adapted=simulation.pacing.adapted if simulation.pacing else None,
        drift=drift(case, beginning.statistics, statistics, beginning.source_mean, simulation.time),
        errors=simulation.errors(),
        members=simulation.members(),
        snapshots=tuple(directory.snapshot(i) for i in range(len(output.times))),
    )
