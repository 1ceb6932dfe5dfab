"""What sbatch gets, and how often."""

from __future__ import annotations

import json
import os
import sys

import pytest

from sim import cli
from sim.batch import submit
from sim.errors import SimError
from sim.subprocesses import run_bounded, with_our_package

from .conftest import Machine

SUBMIT = ["submit", "heat2d", "--nodes", "2", "--ranks-per-node", "2", "--time", "5"]


def test_sbatch_gets_what_a_dry_run_prints(on_path: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    copy = on_path.folder / "copy"
    on_path.install("sbatch", f"open({str(copy)!r}, 'w').write(open(sys.argv[-1]).read()); print('17;cluster')")
    assert cli.main([*SUBMIT, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert not on_path.calls("sbatch")
    assert cli.main(SUBMIT) == 0
    assert "job 17;" in capsys.readouterr().out and copy.read_text() == shown


def test_the_job_gets_the_environment_of_the_user(on_path: Machine) -> None:
    """Not what the check tells JAX: in a process of its own, where nobody has told it before."""
    on_path.install("sbatch", f"json.dump(dict(os.environ), open({str(on_path.folder / 'given')!r}, 'w')); print(17)")
    before = {name: value for name, value in os.environ.items() if name not in ("NPROC", "XLA_FLAGS")}
    said = run_bounded([sys.executable, "-m", "sim", *SUBMIT], 60, with_our_package(before))
    assert said.returncode == 0, said
    given = json.loads((on_path.folder / "given").read_text())
    assert "NPROC" not in given and "XLA_FLAGS" not in given


def test_only_one_of_several_ranks_submits(
    on_path: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on_path.install("sbatch", "print(17)")
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setenv("PMI_RANK", "1")
    assert cli.main(SUBMIT) == 0 and not on_path.calls("sbatch") and not capsys.readouterr().out


def test_where_sbatch_refuses_or_is_missing(on_path: Machine) -> None:
    with pytest.raises(SimError, match="--dry-run"):
        submit("")
    on_path.install("sbatch", "print('sbatch: error: no such partition', file=sys.stderr); sys.exit(1)")
    with pytest.raises(SimError, match="no such partition"):
        submit("")
