"""The batch scripts of scripts/, run by bash: what they start, and what they do when that ends."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from sim.batch import template

from .conftest import Machine, with_python

SCRIPTS = sorted((Path(__file__).parents[3] / "scripts").glob("*.sbatch"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_complaints(path: Path) -> None:
    shellcheck = shutil.which("shellcheck")
    checks = [["bash", "-n", str(path)], *([[shellcheck, str(path)]] if shellcheck else [])]
    for check in checks:
        finished = subprocess.run(check, capture_output=True, text=True)
        assert finished.returncode == 0, finished.stdout + finished.stderr


RUN = ["-m", "sim", "run", "heat2d", "--output"]
UNCHANGED = {
    "run-cpu": [*RUN, "runs/name/17"],
    "run-gpu": [*RUN, "runs/name/17"],
    "run-multihost-xla": [*RUN, "runs/name/17", "--transport", "xla"],
    "ensemble-array": [*RUN, "runs/name/16/2", "--set", "equation.alpha=1.0"],
    "chain": [*RUN, "runs/name/17"],
}


@pytest.mark.parametrize("name", UNCHANGED)
def test_what_a_script_runs_as_it_is(name: str, machine: Machine) -> None:
    machine.install("srun", "os.execvp(sys.argv[4], sys.argv[4:])")
    script = template.find(f"{name}.sbatch").read_text()
    assert {f"{known}.sbatch" for known in UNCHANGED} == {path.name for path in SCRIPTS}
    finished = machine.run(with_python(script, machine))
    assert finished.returncode == 0, finished
    assert machine.calls("python") == [UNCHANGED[name]]


@pytest.mark.parametrize("name", ["run-cpu", "run-gpu", "ensemble-array", "chain"])
def test_a_script_ends_where_no_launcher_works(name: str, machine: Machine) -> None:
    settings = {"python": str(machine.install("python", "sys.exit(2)"))}
    finished = machine.run(template.fill(template.find(f"{name}.sbatch").read_text(), {}, settings))
    assert finished.returncode == 2 and machine.calls("python") == [["-m", "sim", "launcher"]]


def test_a_member_without_a_value(machine: Machine) -> None:
    script = with_python(template.find("ensemble-array.sbatch").read_text(), machine)
    finished = machine.run(script, SLURM_ARRAY_TASK_ID="4")
    assert finished.returncode == 2 and "--array=0-3" in finished.stderr and not machine.calls("python")


def chain(machine: Machine, code: int, **settings: str) -> str:
    machine.install("scontrol")
    filled = template.fill(template.find("chain.sbatch").read_text(), {}, {"output": "out", **settings})
    return with_python(filled, machine, f"sys.exit({code})")


CHAINS = {
    "done": (0, 1, []),
    "stopped": (75, 1, [["requeue", "17"]]),
    "stopped in the last link": (75, 3, []),
    "refused": (2, 1, []),
    "killed": (137, 1, []),
}


@pytest.mark.parametrize(("code", "link", "calls"), CHAINS.values(), ids=CHAINS)
def test_what_a_chain_does_next(code: int, link: int, calls: list[list[str]], machine: Machine) -> None:
    finished = machine.run(chain(machine, code, links="3"), SLURM_RESTART_COUNT=str(link - 1))
    assert machine.calls("scontrol") == calls
    assert finished.returncode == (0 if calls else code), finished


def test_later_links_of_a_chain(machine: Machine) -> None:
    script = chain(machine, 0, options="(--set time.end=1)", parallel="(--devices 2)")
    begin = ["-m", "sim", "run", "heat2d", "--output", "out", "--set", "time.end=1"]
    machine.run(script)
    machine.run(script, SLURM_RESTART_COUNT="1")
    (machine.folder / "out").mkdir()
    (machine.folder / "out" / "case.toml").touch()
    machine.run(script, SLURM_RESTART_COUNT="2")
    assert machine.calls("python") == [
        [*begin, "--devices", "2"],
        [*begin, "--overwrite", "--devices", "2"],
        ["-m", "sim", "resume", "out", "--devices", "2"],
    ]
