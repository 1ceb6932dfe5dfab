"""Plotting: what is drawn of which cells and times, where it goes, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from sim import cli
from sim.looking.cut import cuts_of
from tests.sim.looking.runs import SHAPES, field_of, made, ramp, write_run

Capture = pytest.CaptureFixture[str]


def plotted(capsys: Capture, *arguments: object) -> Path:
    assert cli.main(["plot", *map(str, arguments)]) == 0
    return Path(capsys.readouterr().out.strip())


def refusal(capsys: Capture, *arguments: object) -> str:
    assert cli.main(["plot", *map(str, arguments)]) == cli.EXIT_USER_ERROR
    out, err = capsys.readouterr()
    assert not out and err.count("sim: error: ") == 1
    return err


@pytest.mark.parametrize("shape", SHAPES)
def test_stills_and_gifs_of_all_dimensions(shape: tuple[int, ...], tmp_path: Path, capsys: Capture) -> None:
    run = made(tmp_path / "run", shape)
    picture = plotted(capsys, run)
    assert picture == run / "u.png"
    with Image.open(picture) as image:
        assert image.format == "PNG" and min(image.size) > 200
    with Image.open(plotted(capsys, run, "--gif", "--field", "v", "--output", tmp_path / "v.gif")) as image:
        assert (image.format, image.n_frames, image.info["loop"]) == ("GIF", 3, 0)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("shape", "cuts", "index"),
    [
        ((5, 6, 7), ["z=2.4"], np.s_[2]),
        ((5, 6, 7), ["x=0"], np.s_[:, :, 0]),
        ((5, 6, 7), ["y=6", "z=0.5"], np.s_[0, 5]),
        ((12, 16), ["x = 3.51"], np.s_[:, 3]),
        ((5, 6, 7), [], np.s_[2]),
    ],
)
def test_cuts_go_through_the_nearest_cells(shape: tuple[int, ...], cuts: list[str], index: Any, tmp_path: Path) -> None:
    field = field_of(tmp_path, shape)
    assert np.array_equal(field.sample(100, cuts_of(field, cuts)[0]).values, ramp(shape)[index])


def test_a_box_shows_its_three_middle_planes(tmp_path: Path) -> None:
    field = field_of(tmp_path, (5, 6, 7))
    assert [dict(cut) for cut in cuts_of(field)] == [{"z": 2}, {"y": 3}, {"x": 3}]


@pytest.mark.parametrize(
    ("shape", "cuts", "index", "where"),
    [
        ((1, 6, 7), [], np.s_[0], "z = 0.5"),
        ((5, 6, 1), [], np.s_[:, :, 0], "x = 0.5"),
        ((5, 1, 7), ["z=2.4"], np.s_[2, 0], "z = 2.5, y = 0.5"),
        ((1, 6, 1), [], np.s_[0, :, 0], "z = 0.5, x = 0.5"),
        ((1, 7), [], np.s_[0], "y = 0.5"),
        ((1, 6, 7), ["z=0.5"], np.s_[0], "z = 0.5"),
        ((1, 1, 1), [], np.s_[0, 0], "z = 0.5, y = 0.5"),
        ((1,), [], np.s_[:], ""),
    ],
)
def test_an_axis_of_one_cell_is_not_drawn(
    shape: tuple[int, ...], cuts: list[str], index: Any, where: str, tmp_path: Path
) -> None:
    field = field_of(tmp_path, shape)
    (cut,) = cuts_of(field, cuts)
    sample = field.sample(100, cut)
    assert np.array_equal(sample.values, ramp(shape)[index]) and sample.where == where


@pytest.mark.parametrize("shape", [(1, 6, 7), (1, 1, 7), (1, 1, 1)])
def test_a_thin_field_moves(shape: tuple[int, ...], tmp_path: Path, capsys: Capture) -> None:
    with Image.open(plotted(capsys, made(tmp_path / "run", shape, 2), "--gif")) as image:
        assert image.n_frames == 2  # type: ignore[attr-defined]


def test_a_thin_field_is_reported(tmp_path: Path) -> None:
    run = made(tmp_path / "run", (1, 7), 1)
    assert cli.main(["report", str(run)]) == 0
    assert (run / "report.html").read_text().count("data:image/png") > 4


@pytest.mark.parametrize("time", [-3.0, 0.2, 0.26, 0.5, 99.0])
def test_the_nearest_time_is_drawn(
    time: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    drawn: list[float] = []
    monkeypatch.setattr("sim.looking.plot.still", lambda film: drawn.append(film.frames[-1].time) or b"")
    plotted(capsys, made(tmp_path / "run", (4, 5)), "--time", time)
    assert drawn == [min((0.0, 0.5, 1.0), key=lambda known: abs(known - time))]


def test_one_file_can_be_drawn(tmp_path: Path, capsys: Capture) -> None:
    run = made(tmp_path / "run", (4, 5))
    assert plotted(capsys, run / "snapshots/1.h5") == run / "snapshots/u.png"


def test_missing_snapshots_are_said(tmp_path: Path, capsys: Capture) -> None:
    run = made(tmp_path / "run", (4, 5), 4)
    (run / "run.json").write_text('{"snapshots": ["0", "1", "2", "3"]}')
    (run / "snapshots/2.h5").unlink()
    assert cli.main(["plot", str(run)]) == 0
    assert "1 snapshot missing" in capsys.readouterr().err


REFUSED: dict[str, tuple[list[str], str]] = {
    "another field": (["--field", "w"], "no field 'w'; it has u, v"),
    "another axis": (["--slice", "w=1"], "no axis 'w'; it has y, x"),
    "outside": (["--slice", "x=17"], "outside 0 … 16"),
    "no coordinate": (["--slice", "x"], "AXIS=COORDINATE"),
    "a coordinate that is no number": (["--slice", "x=nan"], "AXIS=COORDINATE"),
    "a single cell": (["--slice", "x=1", "--slice", "y=1"], "a single cell"),
    "a GIF of one time": (["--gif", "--time", "1"], "--gif"),
    "no time": (["--time", "inf"], "--time"),
    "another kind of file": (["--output", "u.pdf"], "should end in .png"),
    "a PNG that moves": (["--gif", "--output", "u.png"], "should end in .gif"),
    "nowhere": (["--output", "/dev/null/u.png"], "can't be written"),
}


@pytest.mark.parametrize(("options", "word"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(options: list[str], word: str, tmp_path: Path, capsys: Capture) -> None:
    run = made(tmp_path / "run", (12, 16))
    before = sorted(tmp_path.rglob("*"))
    assert word in refusal(capsys, run, *options)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["..\\..\\evil", ".hidden", "a\nb", "$x$", "ü" * 300])
def test_a_field_cannot_choose_where_its_picture_goes(name: str, tmp_path: Path, capsys: Capture) -> None:
    run = write_run(tmp_path / "run", {0.0: {"u": ramp((4, 5))}})
    with h5py.File(run / "snapshots/0.h5", "r+") as file:
        file.move("u", name)
    picture = plotted(capsys, run)
    assert picture.parent == run and picture.name.isprintable() and not picture.name.startswith(".")


def test_snapshots_on_two_grids_do_not_make_a_film(tmp_path: Path, capsys: Capture) -> None:
    run = write_run(tmp_path / "run", {0.0: {"u": ramp((4, 5))}, 1.0: {"u": ramp((6, 5))}})
    assert "isn't on the grid" in refusal(capsys, run, "--gif")
