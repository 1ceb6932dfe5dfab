"""Pictures: what is drawn of which cells, where it goes, and that no more is read than is shown."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from sim import cli
from sim.looking.cut import cuts_of
from sim.looking.field import Field, fields_of
from sim.looking.film import Film, gif, spread, still, strip
from sim.looking.picture import Picture
from sim.looking.recorded import Frame, read_recording
from sim.looking.scale import Scale, scale_over
from sim.looking.style import DARK, LIGHT, label
from tests.sim.looking import write_fields, write_run

Capture = pytest.CaptureFixture[str]

SHAPES = [(20,), (12, 16), (5, 6, 7)]


def ramp(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.float64).reshape(shape)


def made(path: Path, shape: tuple[int, ...], times: int = 3) -> Path:
    return write_run(path, {0.5 * i: {"u": ramp(shape) + i, "v": -ramp(shape)} for i in range(times)})


def field_of(path: Path, shape: tuple[int, ...]) -> Field:
    return fields_of(made(path, shape, 1) / "snapshots/0.h5")["u"]


def plotted(capsys: Capture, *arguments: object) -> Path:
    assert cli.main(["plot", *map(str, arguments)]) == 0
    return Path(capsys.readouterr().out.strip())


def refusal(capsys: Capture, *arguments: object) -> str:
    assert cli.main(["plot", *map(str, arguments)]) == cli.EXIT_USER_ERROR
    out, err = capsys.readouterr()
    assert not out and err.count("sim: error: ") == 1
    return err


# --------------------------------------------------------------------------------------------------------- plotting


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
    "nowhere": (["--output", "/nonexistent/u.png"], "can't be written"),
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


# ----------------------------------------------------------------------------------------------------------- samples


@pytest.mark.parametrize("most", [1, 3, 7, 16, 100])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_sample_is_strided_and_knows_where_it_is(shape: tuple[int, ...], most: int, tmp_path: Path) -> None:
    sample = field_of(tmp_path, shape).sample(most)
    assert all(n <= most for n in sample.values.shape)
    places = [sample.coordinates(axis) for axis in range(len(shape))]
    # On cells of width 1 from 0 on, the index is the coordinate less a half.
    indices = np.meshgrid(*((place - 0.5).round().astype(int) for place in places), indexing="ij")
    assert np.array_equal(sample.values, ramp(shape)[tuple(indices)])


def test_only_what_is_shown_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """2¹⁶ × 2¹⁶ cells, of which the file holds one chunk."""
    path, cells = tmp_path / "0.h5", 1 << 16
    with h5py.File(path, "w") as file:
        for name, values in (("time", [0.0]), ("y", None), ("x", None)):
            scale = file.create_dataset(name, data=values, shape=None if values else (cells,), dtype="f8")
            scale.make_scale(name)
        u = file.create_dataset("u", (1, cells, cells), "f4", chunks=(1, 64, 64), fillvalue=3.0)
        for axis, name in enumerate(("time", "y", "x")):
            u.dims[axis].attach_scale(file[name])
    monkeypatch.setattr("sim.looking.hdf5._MOST_EXPANSION", 1 << 40)
    sample = fields_of(path)["u"].sample(64)
    assert sample.values.shape == (64, 64) and sample.strides == (1 << 10, 1 << 10) and (sample.values == 3.0).all()


# ------------------------------------------------------------------------------------------------------------ scales


@pytest.mark.parametrize(
    ("low", "high", "signed", "limits"),
    [
        (0.0, 5.0, False, (0.0, 5.0)),
        (-2.0, 5.0, True, (-5.0, 5.0)),
        (-0.01, 5.0, False, (-0.01, 5.0)),
        (-7.0, -2.0, False, (-7.0, -2.0)),
        (0.0, 0.0, False, (-1e-6, 1e-6)),
    ],
)
def test_scales(low: float, high: float, signed: bool, limits: tuple[float, float]) -> None:
    scale = Scale(low, high)
    assert scale.is_signed is signed and scale.limits == limits


def test_a_scale_is_over_what_is_finite() -> None:
    assert scale_over([np.array([1.0, np.nan]), np.array([np.inf, -4.0])]) == Scale(-4.0, 1.0)
    assert scale_over([np.full(3, np.nan)]) == Scale(0.0, 1.0)


def test_rounding_is_not_drawn_as_if_it_were_something() -> None:
    low, high = Scale(20.0, 20.0 + 1e-12).limits
    assert high - low > 1e-5


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0, 1e300, -1e-300])
@pytest.mark.parametrize("shape", SHAPES[:2])
def test_odd_values_are_drawn_without_a_word(
    shape: tuple[int, ...], value: float, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    run = write_run(tmp_path, {0.0: {"u": np.full(shape, value)}, 1.0: {"u": ramp(shape)}})
    film = film_of(run)
    for drawn in (still(Film(film.recording, "u", film.cuts, film.frames[:1])), gif(film)):
        assert Image.open(io.BytesIO(drawn)).size > (100, 100)
    assert not recwarn.list


# ------------------------------------------------------------------------------------------------------------- films


def film_of(run: Path) -> Film:
    recording = read_recording(run)
    frames = recording.present()
    return Film(recording, "u", cuts_of(frames[0].fields()["u"]), frames)


def test_a_gif_keeps_one_scale(tmp_path: Path) -> None:
    """The same value has the same colour in a frame where it is the greatest as in one where it is not."""
    run = write_run(tmp_path, {0.0: {"u": np.full((4, 4), 1.0)}, 1.0: {"u": np.full((4, 4), 2.0)}})
    with Image.open(io.BytesIO(gif(film_of(run)))) as image:
        middle = (image.width // 2 - 60, image.height // 2)
        colours = []
        for number in range(2):
            image.seek(number)
            colours.append(image.convert("RGB").getpixel(middle))
    assert colours[0] != colours[1]
    for colour, end in zip(colours, ((68, 1, 84), (253, 231, 37)), strict=True):
        assert np.abs(np.subtract(colour, end)).max() < 8, "the ends of viridis"


def test_a_map_has_x_to_the_right_and_y_upwards(tmp_path: Path) -> None:
    u = np.zeros((8, 8))
    u[-1, 0] = 1.0
    panel = fields_of(write_run(tmp_path, {0.0: {"u": u}}) / "snapshots/0.h5")["u"].sample(8)
    pixels = Picture([panel], Scale(0.0, 1.0), [""], "").pixels().astype(int)
    bright = np.abs(pixels - (253, 231, 37)).max(axis=-1) < 5
    rows, columns = np.nonzero(bright[:, : pixels.shape[1] * 3 // 4])
    assert rows.size and rows.mean() < pixels.shape[0] / 3 and columns.mean() < pixels.shape[1] / 3


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_strips_are_on_their_paper(theme: Any, tmp_path: Path) -> None:
    image = Image.open(io.BytesIO(strip(film_of(made(tmp_path, (6, 8), 9)), theme)))
    assert "#{:02x}{:02x}{:02x}".format(*image.convert("RGB").getpixel((1, 1))) == theme.paper  # type: ignore[misc]


@pytest.mark.parametrize(("count", "most", "chosen"), [(3, 5, [0, 1, 2]), (9, 3, [0, 4, 8]), (100, 2, [0, 99])])
def test_frames_are_chosen_evenly(count: int, most: int, chosen: list[int], tmp_path: Path) -> None:
    frames = [Frame(number, float(number), tmp_path) for number in range(count)]
    assert [frame.number for frame in spread(frames, most)] == chosen


@pytest.mark.filterwarnings("ignore:Glyph")
def test_dollars_are_no_mathematics(tmp_path: Path) -> None:
    assert label("$\\frac{") == r"\$\frac{"
    run = made(tmp_path, (4, 5), 1)
    with h5py.File(run / "snapshots/0.h5", "r+") as file:
        file["u"].attrs.update(long_name="$\\frac{ \x1b[2J 温度", units="$^")
    assert still(film_of(run)).startswith(b"\x89PNG")


def test_axes_of_other_units_are_not_to_scale(tmp_path: Path) -> None:
    write_fields(tmp_path / "0.h5", 0.0, {"u": ramp((4, 5))}, [np.arange(4) * 1e6, np.arange(5.0)])
    panel = fields_of(tmp_path / "0.h5")["u"].sample(9)
    pixels = Picture([panel], Scale(0.0, 20.0), [""], "").pixels()
    assert 0.5 < pixels.shape[0] / pixels.shape[1] < 2
