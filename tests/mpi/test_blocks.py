"""What ranks hand each other, and what they write together."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import WORKERS, Ended


@pytest.mark.long
@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_halos_and_files(ranks: int, mpirun: Callable[..., Ended]) -> None:
    checked = mpirun(ranks, str(WORKERS / "blocks.py")).json()
    # As many process grids as there are ways to write the count as a product of one, two and three factors.
    ways = {1: 1 + 1 + 1, 2: 1 + 2 + 3, 3: 1 + 2 + 3, 4: 1 + 3 + 6}[ranks]
    assert len(checked) == 2 * ways and any(ghosts > 2 for _, _, ghosts in checked)
