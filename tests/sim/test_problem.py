"""What of a case only its equation can tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sim import casefile, cli
from sim.errors import SimError
from sim.problem import build

SEPARATION = {"kind": "cahn-hilliard", "gradient": 0.01}


@pytest.mark.parametrize(
    ("cells", "order", "equation", "message"),
    [
        (1, 4, {"alpha": 0.7}, r"looks at 2 cells on each side; give at least 2, or numerics\.order = 2"),
        (2, 4, {"alpha": "1 + x"}, r"looks at 3 cells on each side; give at least 3, or numerics\.order = 2"),
        (1, 4, SEPARATION, "looks at 4 cells on each side; give at least 4"),
        (1, 2, SEPARATION, "looks at 2 cells on each side; give at least 2"),
    ],
)
def test_an_axis_shorter_than_a_stage_looks(
    cells: int, order: int, equation: dict[str, Any], message: str, small: Callable[..., dict[str, Any]]
) -> None:
    case = small((8, cells), equation=equation, numerics__order=order)
    with pytest.raises(SimError, match=rf"^grid\.x\.cells is {cells}, and the equation {message}$"):
        build(casefile.load(case))


def test_it_is_foreseen(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plan", "heat2d", "--ranks", "2", "--set", "grid.x.cells=1", "--set", "numerics.order=4"]) == 2
    assert "grid.x.cells is 1, and the equation looks at 2" in capsys.readouterr().err
