"""What a run on so many ranks will be like."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sim import casefile, platform
from sim.case import Case, TimeTable
from sim.costs import Choice, Costs, Parts
from sim.errors import SimError
from sim.messages import messages
from sim.plan.basis import Basis, basis
from sim.plan.foresight import Foreseen, cut_into, foresee, topology_of
from sim.plan.placing import arrays_of
from sim.problem import Problem, build
from sim.stepping import Speed, Stepping
from sim.topology import Topology
from sim.transport_name import check_ranks
from solvers.integrators import Step

_MOST_BLOCKS = 1 << 24


@dataclass(frozen=True)
class Forecast:
    """A case on `ranks` ranks, as it would be stepped by `choice`: stages an exchange, and a tile.

    places: how many work at once, each on a block of the topology or, where members of an ensemble are spread, on whole
    members.  held: members in a place at most, 1 without an ensemble.  arrays: how many a place has, of `block_bytes`
    each.  sent: bytes of each message of an exchange.  parts: seconds of a stage of all members.  others: seconds of a
    step, by ghost depth.  integrator: its name, with the reason where it was chosen.  speed: that of the fields at time
    0, None where it isn't known.  steps: of the whole run, None where they aren't known.
    """

    case: Case
    ranks: int
    places: int
    held: int
    topology: Topology
    choice: Choice
    stages: int
    arrays: int
    block_bytes: int
    sent: list[int]
    parts: Parts
    others: dict[int, float]
    integrator: str
    speed: Speed | None
    steps: int | None
    basis: Basis

    @property
    def cells(self) -> int:
        """Of all members."""
        members = self.case.ensemble.members if self.case.ensemble else 1
        return math.prod(self.topology.shape) * members

    @property
    def memory(self) -> int:
        """Bytes of all arrays of the largest block, of all members."""
        return self.arrays * self.block_bytes

    @property
    def messages(self) -> float:
        """Messages that a block sends a step."""
        return len(self.sent) * self.stages / self.choice.stages

    @property
    def message_bytes(self) -> float:
        """Bytes that a block sends a step."""
        return sum(self.sent) * self.stages / self.choice.stages

    @property
    def seconds(self) -> float:
        """A step."""
        return sum(self.parts) * self.stages

    @property
    def efficiency(self) -> float:
        """The share of the time that a rank spends on its own cells, were all blocks alike: not in exchanges, not on
        ghost cells, not waiting for a larger block."""
        even = self.cells / self.places / self.held / math.prod(self.topology.largest)
        return (self.parts.cells + self.parts.memory + self.parts.tiles) * even / sum(self.parts)


def forecast(
    name: str,
    ranks: int,
    overrides: Sequence[str] = (),
    machine_file: Path | None = None,
    latency: float | None = None,
    bandwidth: float | None = None,
) -> Forecast:
    """Raises SimError where no run would step the case so, as far as that is known beforehand (`foresee`), where a plan
    can't be made of it, or the machine's file can't be read."""
    case = casefile.load(name, overrides)
    platform.configure()
    problem = build(case)
    check_ranks(case.parallel.transport, ranks, "--set parallel.transport=auto")
    _check_explicit(case.time)
    found = basis(case.ndim, case.numerics.dtype, machine_file, latency, bandwidth)
    blocks = ranks * (case.parallel.devices or 1)
    if blocks > _MOST_BLOCKS:
        raise SimError(f"{blocks} blocks can't be planned, {_MOST_BLOCKS:,} can; use fewer --ranks")
    ahead = foresee(problem, blocks)
    stepping = _stepping(ahead)
    problem = _stepped(problem, stepping.step)
    wish, stages, members = case.parallel, problem.march.stages, len(problem.each)
    held = members if cut_into(problem, blocks) == blocks else -(-members // blocks)
    shallow = topology_of(problem, blocks, 1)
    choices = _costs(problem, shallow, found).choices(wish.ghost_depth, wish.tile, problem.most_stages)
    seconds = {choice: sum(_parts(problem, shallow, found, choice)) * stages * held for choice in choices}
    choice = min(choices, key=seconds.__getitem__)
    topology = topology_of(problem, blocks, choice.stages)
    return Forecast(
        case=case,
        ranks=ranks,
        places=blocks,
        held=held,
        topology=topology,
        choice=choice,
        stages=stages,
        arrays=arrays_of(problem, held),
        block_bytes=_block_bytes(problem, topology, choice),
        sent=_sent(problem, topology, choice) * held,
        parts=Parts(*(held * seconds for seconds in _parts(problem, topology, found, choice))),
        others={k: min(seconds[c] for c in choices if c.stages == k) for k in sorted({c.stages for c in choices})},
        integrator=stepping.name,
        speed=ahead.speed,
        steps=ahead.plan.steps if ahead.plan else None,
        basis=found,
    )


def _costs(problem: Problem, topology: Topology, found: Basis) -> Costs:
    """The model by which `sim.tuning` chooses too."""
    costs = Costs.of(topology, problem.march.step, problem.cell_bytes, problem.grid.periodic)
    return replace(costs, cache=found.cache, rates=found.rates)


def _parts(problem: Problem, topology: Topology, found: Basis, choice: Choice) -> Parts:
    """Seconds of a stage, with exchanges as long as their messages make them."""
    exchange = math.fsum(map(found.link.seconds, _sent(problem, topology, choice)))
    return replace(_costs(problem, topology, found), exchange_seconds=exchange).parts(choice)


def _block_bytes(problem: Problem, topology: Topology, choice: Choice) -> int:
    """Of one array of the largest block, ghosts included."""
    margins = problem.in_tiles(choice.tile).ghosts(choice.stages).margins(topology)
    cells = math.prod(n + 2 * margin for n, margin in zip(topology.largest, margins, strict=True))
    return cells * np.dtype(problem.case.numerics.dtype).itemsize


def _sent(problem: Problem, topology: Topology, choice: Choice) -> list[int]:
    """Bytes of each message of an exchange.  Registers have none where each stage, or step, has one of its own."""
    itemsize = np.dtype(problem.case.numerics.dtype).itemsize
    within_steps = choice.stages > 1 and choice.stages % problem.march.stages != 0
    exchanged = len(problem.equation.fields) + (len(problem.march.step.registers) if within_steps else 0)
    return messages(topology, problem.in_tiles(choice.tile).ghosts(choice.stages), itemsize) * exchanged


def _check_explicit(time: TimeTable) -> None:
    """Raise SimError where steps solve systems of equations, or there are none."""
    if not time.implicit:
        return
    if time.steady:
        why = "how long time.steady takes depends on how its solver converges: try a short run"
    elif time.integrator == "spectral":
        why = "time.integrator = spectral takes none, but transforms the whole field for each output: try a run"
    else:
        why = f"how long time.integrator = {time.integrator} takes depends on how its solver converges: try a short run"
    steady = "--set time.steady=false " if time.steady else ""
    # A step that is given says how many stages it takes.
    stages = " --set time.stages=15" if time.step is None else ""
    raise SimError(
        f"only explicit steps can be planned; {why}, or plan an explicit one: "
        f"{steady}--set time.integrator=rkl2{stages}"
    )


def _stepping(ahead: Foreseen) -> Stepping:
    """Raises SimError where a case doesn't say by which stages it is stepped, and that can't be known."""
    _check_explicit(ahead.case.time)
    if ahead.stepping is not None:
        return ahead.stepping
    time, none = ahead.case.time, "fields, which a plan does not make of so many cells"
    if time.integrator == "auto":
        raise SimError(
            f"time.integrator = auto chooses by the {none}; name one: a run prints what it chose "
            f"(--set time.integrator=euler)"
        )
    raise SimError(
        f"the stages that {time.integrator} takes for time.step = {time.step:g} depend on the {none}; "
        f"say how many: --set time.stages=15"
    )


def _stepped(problem: Problem, step: Step) -> Problem:
    stepped = problem.stepped_by(step)
    return replace(stepped, march=stepped.adaptive.march) if problem.case.time.adaptive else stepped
