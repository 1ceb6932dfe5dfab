"""Which runs show how the loop scales, and which give the rates of a rank."""

from __future__ import annotations

from dataclasses import dataclass

from sim.bench.contestants.roster import halostep
from sim.bench.measuring import Entry
from sim.bench.work import Work, cube

_SIDE = {True: 2048, False: 4096}
_STEPS = {True: 192, False: 96}
_SMALL_STEPS = 8000
_STEP_BY_STEP = ("--tile", "0", "--ghost-depth", "1")


@dataclass(frozen=True)
class Three:
    """Runs on all ranks that give rates: of blocks that the cache holds, and of blocks that it doesn't, step by step
    and as they are tuned."""

    small: Entry
    plain: Entry
    large: Entry


@dataclass(frozen=True)
class Campaign:
    """All that is run, in turn; a run may be in more than one of strong, weak and rates."""

    strong: dict[int, Entry]
    weak: dict[int, Entry]
    rates: tuple[Three, ...]

    @property
    def entries(self) -> list[Entry]:
        found = [
            *self.strong.values(),
            *self.weak.values(),
            *(s for three in self.rates for s in (three.small, three.plain, three.large)),
        ]
        return list({id(entry): entry for entry in found}.values())


def ranks_at_hand(cores: int) -> list[int]:
    """1, 2, 4, … and all cores."""
    doubling = [1 << i for i in range(cores.bit_length()) if 1 << i < cores]
    return [*doubling, cores]


def campaign(ranks: list[int], quick: bool) -> Campaign:
    """The runs for so many ranks; quick: smaller ones, of float32 only."""
    side, steps, most = _SIDE[quick], _STEPS[quick], ranks[-1]
    square = cube(2, side, "float32", steps)
    strong = {n: _on(n, square) for n in ranks}
    weak = {n: strong[1] if n == 1 else _on(n, Work((side * n, side), "float32", steps)) for n in ranks}
    threes = [_three(most, square, strong[most])]
    for ndim, dtype in [(3, "float32")] if quick else [(3, "float32"), (2, "float64"), (3, "float64")]:
        work = cube(2, side, dtype, steps) if ndim == 2 else cube(3, 256, dtype, 48)
        threes.append(_three(most, work, _on(most, work)))
    return Campaign(strong, weak, tuple(threes))


def _three(ranks: int, work: Work, large: Entry) -> Three:
    return Three(_small(ranks, work.ndim, work.dtype), _on(ranks, work, *_STEP_BY_STEP), large)


def _small(ranks: int, ndim: int, dtype: str) -> Entry:
    """So many ranks with blocks that any core's own cache holds."""
    block = (256, 256) if ndim == 2 else (40, 40, 40)
    return _on(ranks, Work((ranks * block[0], *block[1:]), dtype, _SMALL_STEPS))


def _on(ranks: int, work: Work, *options: str) -> Entry:
    contestant = halostep(ranks, 1, *options)
    return Entry(contestant, work, why=contestant.absent(work))
