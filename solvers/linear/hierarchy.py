"""The levels of a multigrid, from an operator on the finest."""

from __future__ import annotations

from dataclasses import dataclass

from solvers.block import Block, core
from solvers.exchange import LOWER, Alone
from solvers.halo import exchange_halos
from solvers.linear.level import Level
from solvers.linear.replica import whole
from solvers.linear.smoother import LevelOperator
from solvers.linear.uniform import Uniform
from solvers.linear.varying import Varying

# Below this many cells a level costs less to be computed by everybody than its halos cost to be sent.
_FEW = 1024


@dataclass(frozen=True)
class Rung:
    """An operator, and how one gets from it to the next coarser one.

    covered: the block of the next level's cells that this block's cells make up; None on the coarsest.
    joins: whether the next level is whole on each block.
    """

    operator: LevelOperator
    covered: Block | None
    joins: bool = False

    @property
    def level(self) -> Level:
        return self.operator.level


def hierarchy(operator: LevelOperator, unit: int) -> list[Rung]:
    """All levels down to a single cell.

    Blocks must be cut at multiples of `unit`, a power of two.  As long as they are after a merger, and there is
    work for all, the next level is spread over the blocks like this one; then it is whole on each, and everybody
    does the same.  Where in the hierarchy that happens depends on the blocks, but no cell's arithmetic does.

    Raises ValueError where blocks can't be merged.
    """
    units = _units(operator.level, unit)
    rungs = []
    while operator.level.cells.merged:
        if isinstance(operator, Uniform) and not operator.level.cells.even:
            operator = Varying.from_uniform(operator)
        level = operator.level
        for axis in level.cells.merged:
            if units[axis] == 1:
                raise ValueError(f"blocks of axis {axis} are cut at multiples of {unit}: too few for a multigrid")
            units[axis] //= 2
        covered = level.merged_block(level.cells.merged)
        coarse = Level(level.cells.coarse(), covered, level.exchange, level.merged_reflections(), level.rounded)
        cut = not _is_whole(level)
        joins = cut and (min(units) == 1 or coarse.cells.count <= _FEW)
        rungs.append(Rung(operator, covered, joins))
        operator = operator.merged(coarse)
        if joins:
            operator = _joined(operator)
            units = _units(operator.level, unit)
    return [*rungs, Rung(operator, None)]


def _units(level: Level, unit: int) -> list[int]:
    """Of each axis; one that is not cut may be merged for ever."""
    uncut = 2 ** max(n.bit_length() for n in level.cells.shape)
    return [uncut if level.exchange.at_edge(axis, LOWER) is True else unit for axis in range(len(level.cells.shape))]


def _is_whole(level: Level) -> bool:
    return not level.block.padded and level.block.shape == level.cells.shape


def _joined(operator: LevelOperator) -> LevelOperator:
    """The operator whole on each block."""
    here = operator.level
    block = Block(here.cells.shape, 1)
    level = Level(here.cells, block, Alone(), here.reflections, here.rounded)
    if isinstance(operator, Uniform):
        return Uniform(level, operator.weights, operator.shift)
    links, walls, store = (
        [whole(x, here.block, here.cells.shape, here.exchange) for x in arrays]
        for arrays in ((core(link, 1) for link in operator.links), operator.walls, [operator.store])
    )
    filled = tuple(exchange_halos(level.ghosted(link), block, level.exchange) for link in links)
    return Varying(level, filled, tuple(walls), store[0])
