"""The doctor's tables say what its JSON says."""

from __future__ import annotations

import json

import pytest

from sim.doctor.diagnosis import diagnose
from sim.doctor.exchanges import GLOO, PPERMUTE
from sim.doctor.finding import Finding
from sim.doctor.report import print_json, print_tables, spans
from tests.sim.doctor.patients import ALONE, FOUR, facts


def test_spans() -> None:
    assert spans([]) == "" and spans([3]) == "3" and spans([9, 0, 1, 2, 8]) == "0-2,8-9"


SPEEDS = [
    {"transport": PPERMUTE, "between": "2 devices", "seconds": [2e-5, 1e-3]},
    {"transport": GLOO, "between": "2 processes", "why": "timed out"},
]


def test_a_path_is_shown_to_its_end_on_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = "/" + 60 * "long" + "/libmpi.so.12"
    monkeypatch.setattr("sim.doctor.report._COLUMNS_IN_A_FILE", 80)
    print_tables(ALONE, [Finding("MPI library", "ok", path)], [facts()], [])
    lines = capsys.readouterr().out.splitlines()
    assert path in "".join(line.split("│")[3].strip() for line in lines if line.count("│") == 4)


def test_the_tables_say_what_the_json_says(capsys: pytest.CaptureFixture[str]) -> None:
    ranks = [facts(cpus=[rank]) for rank in range(4)]
    findings = diagnose(FOUR, ranks, SPEEDS)
    print_json(FOUR, findings, ranks, SPEEDS)
    found = json.loads(capsys.readouterr().out)
    assert not found["ok"] and len(found["ranks"]) == 4 and found["exchanges"] == SPEEDS
    print_tables(FOUR, findings, ranks, SPEEDS)
    said = capsys.readouterr().out
    for finding in found["findings"]:
        assert finding["what"] in said and finding["state"] in said
    # 4 MiB in a millisecond.
    assert " 20 " in said and " 4.19 " in said and "2 × cpu" in said and "OMP_NUM_THREADS=2" in said
    assert said.endswith(f"broken: {GLOO}\n")
