"""A report is one page that needs nothing else and believes nobody."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.sim.looking.runs import edit, record
from tests.sim.looking.told import Page, said

Capture = pytest.CaptureFixture[str]


def test_a_report_needs_nothing_else(run: Path, tmp_path: Path, capsys: Capture) -> None:
    target = tmp_path / "page.html"
    assert said(capsys, "report", run, "--output", target).strip() == str(target)
    page = Page(target.read_text())
    # The field's picture and its course over time, each on white and on dark paper.
    assert len(page.loads) == 4 and all(load.startswith("data:image/png;base64,iVBOR") for load in page.loads)
    assert "A <b>small</b> case" in page.words and "b" not in page.tags[: page.tags.index("h2")]
    for word in ("stepping", "versions", "jax", "[boundary.x]", "whole", "t = 0.03 s"):
        assert word in page.words


def test_a_report_escapes_all_that_is_not_ours(run: Path, capsys: Capture) -> None:
    evil = "</pre></title><script>alert(1)</script><img src=x>\x1b[2J"
    told = json.loads((run / "run.json").read_text())
    told.update(case=evil, error=evil, command=[evil], versions={evil: evil}, transport=evil, status=evil)
    told.update(statistics={evil: {evil: 1.0}})
    record(run, json.dumps(told))
    (run / "case.toml").write_text(evil)
    for path in (run / "snapshots").iterdir():
        edit(path, lambda file: file["u"].attrs.update(long_name=f"$\\frac{{{evil}", units=np.arange(3)))
    edit(run / "results.h5", lambda file: file.attrs.update(title=evil))
    said(capsys, "report", run)
    page = Page((run / "report.html").read_text())
    assert "script" not in page.tags and all(load.startswith("data:") for load in page.loads)
    assert page.words.count("alert(1)") > 8
    text = said(capsys, "info", run, status=1)  # such a case is none
    assert "\x1b" not in text and "alert(1)" in text


def test_series_of_other_files_are_shown(run: Path, capsys: Capture) -> None:
    with h5py.File(run / "probes.h5", "w") as file:
        file.create_dataset("time", data=np.arange(5.0)).make_scale("time")
        file.create_dataset("number", data=np.arange(2)).make_scale("number")
        probes = file.create_dataset("probe", data=np.ones((5, 2)))
        for axis, name in enumerate(("time", "number")):
            probes.dims[axis].attach_scale(file[name])
        flux = file.create_dataset("flux", data=np.ones(5))
        flux.dims[0].attach_scale(file["time"])
    said(capsys, "report", run)
    assert len(Page((run / "report.html").read_text()).loads) == 8
