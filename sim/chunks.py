"""How many steps one call of the compiled loop takes."""

from __future__ import annotations

from dataclasses import dataclass

from sim.ready import Ready

# Long enough to hide the call and the look for a blow-up, short enough to be told of one, or of a wish to stop, soon.
_SECONDS = 1.0
_FIRST = 16


@dataclass(frozen=True)
class Chunks:
    """Chunks are whole turns of the loop, of `turn` steps: less than one costs an exchange, and a tile's way from
    memory, all the same."""

    turn: int

    @classmethod
    def of(cls, ready: Ready) -> Chunks:
        simulation = ready.simulation
        if simulation.pacing is not None or simulation.problem.implicit is not None:
            return cls(1)
        return cls(simulation.problem.march.turn(ready.tuning.stages))

    @property
    def first(self) -> int:
        return self._whole(_FIRST)

    def next(self, steps: int, seconds: float) -> int:
        """After a chunk of so many steps, which took the slowest rank so long: at most four times as many."""
        return self._whole(min(steps * _SECONDS / max(seconds, 1e-9), 4 * steps))

    def _whole(self, wanted: float) -> int:
        """About so many steps; a very long turn is not waited for."""
        turn = self.turn if self.turn <= 4 * wanted else 2
        return turn * max(1, round(wanted / turn))
