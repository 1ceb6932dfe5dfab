"""The measurement of writing: its arithmetic, and that it measures."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.bench.writing import Writing, _dd, writing
from sim.errors import SimError
from sim.subprocesses import why_no_mpirun


def test_a_ratio_is_taken_round_by_round() -> None:
    """What slows a whole round slows both."""
    measured = Writing(2, "plain", 10**9, snapshot=[1.0, 10.0, 2.0], dd=[0.8, 9.0, 1.0])
    assert measured.ratio == 0.8 and measured.rate == 0.5
    assert measured.told().endswith("by 2 ranks (plain): 0.50 GB/s, 0.80 × dd with fsync")


def test_where_nothing_can_be_written_no_rank_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: object) -> None:
        pytest.fail("started")

    (tmp_path / "file").touch()
    monkeypatch.setattr("sim.bench.writing.run_bounded", start)
    for folder in (tmp_path / "nowhere", tmp_path / "file", Path("x" * 5000)):
        with pytest.raises(SimError, match=r"is no directory that can be written; give another to --writing"):
            writing(folder)


def test_what_dd_says_is_told(tmp_path: Path) -> None:
    with pytest.raises(SimError, match="No such file or directory"):
        _dd(tmp_path / "nowhere" / "x.dd", 1 << 20)


@pytest.mark.long
@pytest.mark.mpi
@pytest.mark.skipif(bool(why_no_mpirun()), reason=str(why_no_mpirun()))
def test_it_measures_and_cleans_up(tmp_path: Path) -> None:
    measured = writing(tmp_path)
    assert measured.ranks == 2 and measured.bytes == 2**28 and len(measured.snapshot) == len(measured.dd) == 5
    assert not list(tmp_path.iterdir())
