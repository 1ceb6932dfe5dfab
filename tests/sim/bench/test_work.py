"""Works: their answers are known, and each step shows in them."""

from __future__ import annotations

import numpy as np
import pytest

from sim.bench.asked import work_of
from sim.bench.contestants import numpy_slices
from sim.bench.work import FULL, QUICK, Work
from sim.errors import SimError


def test_each_step_shows_in_the_answer() -> None:
    """Of all that is measured: who leaves out a step is seen, whatever the size."""
    for work in (*QUICK, *FULL):
        assert 0.2 < work.decay < 0.5
        one_less = work.largest() * work.decay ** (-1 / work.steps)
        assert one_less - work.largest() > work.tolerance or work.every


@pytest.mark.parametrize("shape", [(64, 64), (512, 300), (96, 96, 96)])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_rounding_is_no_wrong_answer(shape: tuple[int, ...], steps: int) -> None:
    """Of few steps, as those take part who are slow: a third of u is left, and a step too few is seen."""
    work = Work(shape, "float32", steps)
    assert 0.3 < work.decay < 0.45
    assert work.error(numpy_slices.loop(work, work.initial(), steps)) <= work.tolerance
    assert work.error(numpy_slices.loop(work, work.initial(), steps - 1)) > 1e4 * work.tolerance


def test_a_work_is_a_mode_of_the_grid() -> None:
    work = Work((24, 40), "float64", 1)
    u = work.initial()
    assert u.shape == (26, 42) and np.abs(u).max() == pytest.approx(work.largest() / work.decay)
    assert work.error(u * work.decay) < 1e-15 < work.error(u)
    assert Work.from_json(work.to_json()) == work
    assert Work((100, 100), "float32", 10).teff(1.0) == pytest.approx(2 * 4e4 * 10 / 1e9)


@pytest.mark.parametrize(
    ("text", "work"),
    [
        ("64x32", Work((64, 32), "float32", 1000)),
        ("8192x8192, float64, 12", Work((8192, 8192), "float64", 12)),
        ("64x32x16,alpha=field,200,every=100,lean", Work((64, 32, 16), "float32", 200, "field", 100, True)),
    ],
)
def test_works_in_words(text: str, work: Work) -> None:
    assert work_of(text) == work


@pytest.mark.parametrize("text", ["", "64", "64x", "0x4", "4x4x4x4", "64x64,float16", "64x64,-1", "64x64,8,every=9"])
def test_what_is_no_work(text: str) -> None:
    with pytest.raises(SimError):
        work_of(text)


@pytest.mark.parametrize("text", ["1x1,float32,4", "2x2,float32,1", "1000x3,float64,4", "3x1000x8"])
def test_a_work_of_too_few_cells(text: str) -> None:
    with pytest.raises(SimError, match=rf"--work {text}: no wave .* fits [123] cells; an axis has 4 or more"):
        work_of(text)


@pytest.mark.parametrize("text", ["4x4", "16x16", "64x4,float32,400"])
def test_a_work_of_which_nothing_is_left(text: str) -> None:
    """What computes nothing would be as right."""
    with pytest.raises(
        SimError, match=r"steps leave nothing .* give more cells or fewer steps, such as \d+x\d+,float32,4"
    ):
        work_of(text)


@pytest.mark.parametrize("size", ["4x4", "4x1000", "1000x4", "4x4x4", "4x5x64"])
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 8])
def test_the_smallest_works(size: str, steps: int) -> None:
    """Those who are slow take fewer steps, down to one."""
    work = work_of(f"{size},float32,{steps}")
    assert work.largest() > 100 * work.tolerance
    assert work.error(numpy_slices.loop(work, work.initial(), steps)) <= work.tolerance
