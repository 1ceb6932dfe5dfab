"""Configurations as they are printed, and the options and settings that change them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim import casefile, cli

Capture = pytest.CaptureFixture[str]

pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.mark.parametrize("name", casefile.builtin_names())
def test_a_printed_config_is_a_case_that_prints_the_same(name: str, capsys: Capture) -> None:
    assert cli.main(["run", name, "--print-config"]) == 0
    first = capsys.readouterr().out
    Path("again.toml").write_text(first)
    assert cli.main(["run", "again.toml", "--print-config"]) == 0
    assert capsys.readouterr().out == first
    assert casefile.load("again.toml").model_dump() == casefile.load(name).model_dump()
    assert {entry.name for entry in Path().iterdir()} == {"again.toml"}


def test_a_printed_config_finds_its_files_from_anywhere(tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "sub"
    folder.mkdir()
    np.save(folder / "u.npy", np.zeros((8, 8)))
    settings = ["grid.x.cells=8", "grid.y.cells=8", "exact={}"]
    case = casefile.load("heat2d", [*settings, 'initial.u={file="u.npy"}'])
    (folder / "k.toml").write_text(casefile.to_toml(case))
    assert cli.main(["run", str(folder / "k.toml"), "--print-config"]) == 0
    printed = tmp_path / "k2.toml"
    printed.write_text(capsys.readouterr().out)
    assert Path(casefile.load(printed).initial["u"].file) == folder / "u.npy"  # type: ignore[union-attr]
    assert cli.main(["run", str(printed), "--output", str(tmp_path / "run")]) == 0


OPTIONS = {
    "--transport": (["--transport", "xla"], "transport", "xla"),
    "--halo": (["--halo", "psum"], "halo", "psum"),
    "--ghost-depth": (["--ghost-depth", "3"], "ghost_depth", 3),
    "--blocks": (["--blocks", "6"], "blocks", 6),
    "--devices": (["--devices", "2"], "devices", 2),
    "--watchdog": (["--watchdog", "12.5"], "watchdog", 12.5),
    "--process-grid": (["--process-grid", "x=2, y=3"], "process_grid", {"x": 2, "y": 3, "z": 1}),
}


@pytest.mark.parametrize(("arguments", "key", "value"), OPTIONS.values(), ids=OPTIONS)
def test_options_are_keys_of_the_case(arguments: list[str], key: str, value: Any, capsys: Capture) -> None:
    assert cli.main(["run", "--print-config", *arguments]) == 0
    assert tomllib.loads(capsys.readouterr().out)["parallel"][key] == value


@pytest.mark.parametrize(
    ("setting", "path", "value"),
    [
        ("grid.x.cells=64", ("grid", "x", "cells"), 64),
        ("time.end = 0.5", ("time", "end"), 0.5),
        ("initial.u=where(x == 0, 1, y)", ("initial", "u"), "where(x == 0, 1, y)"),
        ("title=a = b", ("title",), "a = b"),
        ("numerics.dtype=float32", ("numerics", "dtype"), "float32"),
        ('boundary.x="periodic"', ("boundary", "x", "upper", "kind"), "periodic"),
        ('boundary.y={lower="neumann", upper="dirichlet"}', ("boundary", "y", "lower", "kind"), "neumann"),
    ],
)
def test_settings(setting: str, path: tuple[str, ...], value: Any, capsys: Capture) -> None:
    assert cli.main(["run", "--print-config", "--set", setting]) == 0
    found = tomllib.loads(capsys.readouterr().out)
    for key in path:
        found = found[key]
    assert found == value


def test_the_last_setting_counts(capsys: Capture) -> None:
    settings = ["--set", "time.end=1.0", "--set", "time.end=2.0"]
    assert cli.main(["run", "--print-config", *settings]) == 0
    assert tomllib.loads(capsys.readouterr().out)["time"]["end"] == 2.0
