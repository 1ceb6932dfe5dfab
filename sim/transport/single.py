"""One block a process: nothing for XLA to connect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import numpy.typing as npt

from sim.team import Team
from sim.topology import Box, Ghosts, Topology, box_shape
from sim.transport.protocol import Compiled, Evaluate, Program, core_of, ghosted, place_of, settled
from solvers.block import Block
from solvers.exchange import Exchange


class OneBlock:
    """Block and exchange are known when compiling: `serial` with the exchange Alone, `mpi` with MpiExchange."""

    def __init__(
        self, name: str, topology: Topology, team: Team, rank: int, ghosts: Ghosts, exchange: Exchange
    ) -> None:
        self.name = name
        self.topology = topology
        self.team = team
        self.margins = ghosts.margins(topology)
        self._exchange = exchange
        self._box = topology.box(rank)
        offset = tuple(cells.start for cells in self._box)
        self._block = Block(box_shape(self._box), ghosts.shared, offset=offset, margins=self.margins)

    def place(self, evaluate: Evaluate, dtype: npt.DTypeLike, members: int | None = None) -> jax.Array:
        # No name here holds on to what is only on the way.
        return settled(jax.device_put(ghosted(evaluate(self._box), self._block.shape, self.margins, dtype)))

    def compile(self, program: Program, donate: tuple[int, ...] = ()) -> Compiled:
        def run_block(*arguments: Any) -> tuple[Any, Any]:
            return program(self._block, self._exchange, *arguments)

        return jax.jit(run_block, donate_argnums=donate)

    def blocks(self, field: jax.Array) -> Iterator[tuple[Box, np.ndarray]]:
        block = np.asarray(field)[core_of(self._block.shape, self.margins)]
        yield place_of(self._box, block), block
