"""What a run on so many ranks will be like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim import casefile, platform
from sim.case import Case
from sim.cost import Cost, Load, best_depth, stage_cost
from sim.errors import SimError
from sim.plan.basis import Basis, basis
from sim.plan.placing import fields_of
from sim.problem import Problem, build
from sim.schedule import segments
from sim.stepping import Speed, step_of
from sim.topology import choose_topology

_MOST_BLOCKS = 1 << 24


@dataclass(frozen=True)
class Forecast:
    """A case on `ranks` ranks: blocks, memory, messages, and the seconds that a step should take.

    stages: stages of a step; depth: stages an exchange, and whether it was given; cost: of one stage.
    steps: of the whole run, None where the step depends on the fields.
    """

    case: Case
    ranks: int
    load: Load
    depth: int
    depth_given: bool
    cost: Cost
    others: dict[int, float]
    steps: int | None
    basis: Basis

    @property
    def memory(self) -> int:
        """Bytes of all blocks of the rank that has the largest."""
        return self.load.memory(self.depth)

    @property
    def messages(self) -> float:
        """Messages that a rank sends a step."""
        return len(self.load.messages(self.depth)) * self.load.stages / self.depth

    @property
    def message_bytes(self) -> float:
        """Bytes that a rank sends a step."""
        return sum(self.load.messages(self.depth)) * self.load.stages / self.depth

    @property
    def seconds(self) -> float:
        """A step."""
        return self.cost.seconds * self.load.stages

    @property
    def efficiency(self) -> float:
        """The share of the time that a rank spends on its own cells, were all blocks alike: not in exchanges, not on
        ghost cells, not waiting for a larger block."""
        topology = self.load.topology
        cells = np.prod(topology.shape, dtype=float) / topology.count / np.prod(topology.largest, dtype=float)
        return float((self.cost.cells + self.cost.memory) * cells / self.cost.seconds)


def forecast(
    name: str,
    ranks: int,
    overrides: Sequence[str] = (),
    machine_file: Path | None = None,
    latency: float | None = None,
    bandwidth: float | None = None,
) -> Forecast:
    """Raises SimError where the case isn't valid, the grid can't be cut so, or the machine's file can't be read."""
    case = casefile.load(name, overrides)
    platform.configure()
    problem = _stepped(build(case))
    found = basis(case.ndim, case.numerics.dtype, machine_file, latency, bandwidth)
    given = case.parallel.ghost_depth
    blocks = ranks * (case.parallel.devices or 1)
    depth = given or best_depth(_load(problem, blocks, 1), found.core, found.link)
    load = _load(problem, blocks, depth)
    others = {k: stage_cost(load, k, found.core, found.link).seconds * load.stages for k in load.depths}
    cost = stage_cost(load, depth, found.core, found.link)
    return Forecast(case, ranks, load, depth, given is not None, cost, others, _steps(case), found)


def _load(problem: Problem, blocks: int, depth: int) -> Load:
    if blocks > _MOST_BLOCKS:
        raise SimError(f"{blocks} blocks can't be planned, {_MOST_BLOCKS:,} can; use fewer --ranks")
    case = problem.case
    fields, coefficients = fields_of(problem)
    return Load(
        choose_topology(problem.grid.shape, blocks, problem.ghosts(depth), case.process_grid()),
        problem.march.step.width,
        np.dtype(case.numerics.dtype).itemsize,
        fields,
        coefficients,
        len(problem.march.step.registers),
        problem.march.stages,
        in_slabs=case.parallel.slab != 0,
    )


def _stepped(problem: Problem) -> Problem:
    """By the integrator of the case, whose stages must be known before its fields are."""
    time = problem.case.time
    if time.integrator.startswith("rkl") and time.step is not None and time.stages is None:
        raise SimError(
            f"the stages that {time.integrator} takes for time.step = {time.step:g} depend on the fields, "
            f"which a plan doesn't make; say how many: --set time.stages=15"
        )
    return problem.stepped_by(step_of(time, problem.equation, Speed(0.0, 0.0)))


def _steps(case: Case) -> int | None:
    if case.time.step is None:
        return None
    return sum(s.steps for s in segments(case.time.end, case.output.every, case.time.step))
