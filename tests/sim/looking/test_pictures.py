"""Pictures and films: their scales, what is where in them, and odd values and words."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from sim.looking.cut import cuts_of
from sim.looking.field import fields_of
from sim.looking.film import Film, gif, spread, still, strip
from sim.looking.picture import Picture
from sim.looking.recorded import Frame, read_recording
from sim.looking.scale import Scale, scale_over
from sim.looking.style import DARK, LIGHT, label
from tests.sim.looking.runs import SHAPES, made, ramp, write_fields, write_run

# --------------------------------------------------------------------------------------------------------------- scales


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


# ---------------------------------------------------------------------------------------------------------------- films


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
