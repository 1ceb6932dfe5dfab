"""Batch scripts are filled in as bash and sbatch read them, and what can't run is refused before it queues."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sim import casefile, cli
from sim.batch import Job, launcher, launching, submit, template
from sim.errors import SimError

SCRIPTS = sorted((Path(__file__).parents[2] / "scripts").glob("*.sbatch"))
# Characters that a shell, or sbatch, might take for its own.
ODD = 'it\'s a "$HOME" `id` \\ #1\n#SBATCH --nodes=9; é'
JOB: dict[str, Any] = {"case": "heat2d", "nodes": 2, "ranks_per_node": 4, "time": "2:00:00"}


def directives(script: str) -> dict[str, str]:
    """Of sbatch's lines, which end where the first command stands; none is given twice."""
    head = re.split(r"^[^#\n]", script, maxsplit=1, flags=re.MULTILINE)[0]
    found = re.findall(r"^#SBATCH --([\w-]+)=?(.*)$", head, re.MULTILINE)
    assert len(dict(found)) == len(found)
    return dict(found)


@dataclass(frozen=True)
class Machine:
    """A folder with programs that note how they are called, and that comes first on PATH."""

    folder: Path

    def install(self, name: str, text: str = "") -> Path:
        """A program that notes its arguments as a line of JSON, then does what `text` says in Python."""
        path = self.folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        note = f"print(json.dumps(sys.argv[1:]), file=open({str(self.folder / name)!r}, 'a'))"
        path.write_text(f"#!{sys.executable}\nimport json, os, sys\n{note}\n{text}\n")
        path.chmod(0o755)
        return path

    def calls(self, name: str) -> list[list[str]]:
        notes = self.folder / name
        return [json.loads(line) for line in notes.read_text().splitlines()] if notes.exists() else []

    def run(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """A batch script as SLURM would start it."""
        job = {"SLURM_JOB_ID": "17", "SLURM_JOB_NAME": "name", "SLURM_CPUS_PER_TASK": "3"}
        array = {"SLURM_ARRAY_JOB_ID": "16", "SLURM_ARRAY_TASK_ID": "2"}
        environment = {"PATH": f"{self.folder}/bin:{os.environ['PATH']}", "HOME": str(self.folder)}
        path = self.folder / "job.sbatch"
        path.write_text(script)
        return subprocess.run(
            ["bash", str(path)],
            cwd=self.folder,
            env={**environment, **job, **array, **variables},
            capture_output=True,
            text=True,
            timeout=60,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def on_path(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The same for programs that this process starts, and with none but these."""
    (machine.folder / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{machine.folder}/bin")
    return machine


def with_python(script: str, machine: Machine, text: str = "") -> str:
    """A script whose python is a fake one, started by `env`."""
    settings = {"python": str(machine.install("python", text))}
    return template.fill(script, {}, {**settings, "launch": "env"} if "\nlaunch=" in script else settings)


# -------------------------------------------------------------------------------------------------------- the scripts


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


# --------------------------------------------------------------------------------------------------------- filling in


def test_what_is_asked_of_slurm() -> None:
    script = Job(**JOB, partition="long", account="phys-17", gpus=4, options=("--qos=debug", "--exclusive")).script()
    found = directives(script)
    assert found == {
        "job-name": "heat2d",
        "nodes": "2",
        "ntasks-per-node": "4",
        "gpus-per-node": "4",
        "cpus-per-task": "8",
        "time": "2:00:00",
        "partition": "long",
        "account": "phys-17",
        "qos": "debug",
        "exclusive": "",
        "no-requeue": "",
    }
    changed = directives(Job(**JOB, options=("--cpus-per-task=2", "--comment=a b")).script())
    assert changed["cpus-per-task"] == "2" and changed["comment"] == "'a b'"


WHICH: dict[str, dict[str, Any]] = {
    "run-cpu": {},
    "run-gpu": {"gpus": 2},
    "run-multihost-xla": {"gpus": 2, "overrides": ("parallel.transport=xla",)},
    "chain": {"gpus": 2, "chain": True},
}


@pytest.mark.parametrize(("name", "asked"), WHICH.items(), ids=WHICH)
def test_which_script(name: str, asked: dict[str, Any]) -> None:
    script = Job(**JOB, **asked).script()
    assert f"sbatch {name}.sbatch" in script
    assert directives(script).get("gpus-per-node") == (str(asked["gpus"]) if "gpus" in asked else None)


def test_odd_names_arrive(machine: Machine, small: Callable[..., dict[str, Any]]) -> None:
    path = machine.folder / f"{ODD}.toml"
    path.write_text(casefile.to_toml(casefile.load(small(parallel={}))))
    script = Job(**{**JOB, "case": str(path)}, output=ODD, overrides=(f"title={ODD}",)).script()
    assert directives(script)["nodes"] == "2"
    finished = machine.run(with_python(script, machine))
    assert finished.returncode == 0, finished
    assert machine.calls("python") == [["-m", "sim", "run", str(path), "--output", ODD, "--set", f"title={ODD}"]]


def test_a_chain_remembers_where_to_run(machine: Machine) -> None:
    """A run that is resumed doesn't."""
    wishes = ("parallel.transport=xla", "parallel.devices=2", "parallel.process_grid.x=4", "time.end=0.1")
    script = Job(**{**JOB, "ranks_per_node": 1}, chain=True, output="out", overrides=wishes).script()
    (machine.folder / "out").mkdir()
    (machine.folder / "out" / "case.toml").touch()
    machine.install("srun", "os.execvp(sys.argv[4], sys.argv[4:])")
    script = template.fill(script, {}, {"python": str(machine.install("python"))})
    assert machine.run(script, SLURM_RESTART_COUNT="1").returncode == 0
    (call,) = machine.calls("python")
    assert call[:4] == ["-m", "sim", "resume", "out"] and "time.end=0.1" not in call
    given = {word.partition("=")[0]: word.partition("=")[2] for word in call[5::2]}
    assert given["parallel.transport"] == '"xla"' and given["parallel.devices"] == "2"
    assert given["parallel.process_grid.x"] == "4"
    assert [call[:3] for call in machine.calls("srun")] == [["--mpi=none", "--cpus-per-task=3", "--wait=60"]]


def test_an_installed_package_has_them_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    share = tmp_path / "share" / "halostep" / "chain.sbatch"
    share.parent.mkdir(parents=True)
    share.write_text("here")

    class Installed:
        name = "chain.sbatch"

        def locate(self) -> Path:
            return share

    monkeypatch.setattr(template, "__file__", str(tmp_path / "sim" / "batch" / "template.py"))
    monkeypatch.setattr("importlib.metadata.files", lambda name: [Installed()])
    assert template.find("chain.sbatch").read_text() == "here"
    with pytest.raises(SimError, match=r"run-cpu\.sbatch.*reinstall"):
        template.find("run-cpu.sbatch")


# ------------------------------------------------------------------------------------------------------------ refusals

REFUSED = {
    "no time": (["--nodes", "2"], "--time"),
    "a time of words": (["--time", "soon"], "--time"),
    "a time and more": (["--time", "1:00 --nodes=9"], "--time"),
    "no nodes": (["--time", "5", "--nodes", "0"], "--nodes"),
    "no ranks": (["--time", "5", "--ranks-per-node", "0"], "--ranks-per-node"),
    "no GPUs": (["--time", "5", "--gpus", "0"], "--gpus"),
    "a partition of two lines": (["--time", "5", "--partition", "a\n#SBATCH --nodes=9"], "--partition"),
    "an account with a blank": (["--time", "5", "--account", "a b"], "--account"),
    "no option of sbatch's": (["--time", "5", "--sbatch", "qos=debug"], "--sbatch"),
    "an option of two lines": (["--time", "5", "--sbatch", "--qos=a\nb"], "--sbatch"),
    "an unknown key": (["--time", "5", "--set", "time.stop=3"], "time.stop"),
    "more ranks than cells": (["--time", "5", "--nodes", "9999", "--ranks-per-node", "999"], "fewer ranks"),
    "another process grid": (["--time", "5", "--nodes", "3", "--set", "parallel.process_grid.x=2"], "process grid"),
    "a process alone": (["--time", "5", "--nodes", "3", "--set", "parallel.transport=serial"], "serial"),
}


@pytest.mark.parametrize(("options", "word"), REFUSED.values(), ids=REFUSED)
def test_refused(options: list[str], word: str, on_path: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    on_path.install("sbatch")
    assert cli.main(["submit", "heat2d", *options]) == cli.EXIT_USER_ERROR
    said = capsys.readouterr().err
    assert said.count("sim: error: ") == 1 and word in said
    assert not on_path.calls("sbatch")


def test_a_directory_that_holds_a_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").touch()
    with pytest.raises(SimError, match="already holds a run"):
        Job(**JOB, output=str(tmp_path)).script()


# ---------------------------------------------------------------------------------------------------------- submitting

SUBMIT = ["submit", "heat2d", "--nodes", "2", "--ranks-per-node", "2", "--time", "5"]


def test_sbatch_gets_what_a_dry_run_prints(on_path: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    copy = on_path.folder / "copy"
    on_path.install("sbatch", f"open({str(copy)!r}, 'w').write(open(sys.argv[-1]).read()); print('17;cluster')")
    assert cli.main([*SUBMIT, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert not on_path.calls("sbatch")
    assert cli.main(SUBMIT) == 0
    assert "job 17;" in capsys.readouterr().out and copy.read_text() == shown


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


# ------------------------------------------------------------------------------------------------------------ launchers

IN_A_JOB = {"SLURM_NTASKS": "8", "SLURM_NNODES": "4"}
LISTED = "print('MPI plugin types are...\\n\\tpmix\\n\\tnone\\n\\tpmi2', file=sys.stderr)"


def finds(size: int) -> str:
    return f"print(json.dumps({{'size': {size}}}))"


def srun(works: str) -> str:
    """An srun that offers pmix and pmi2, and whose ranks find each other by the one that works."""
    given = "sys.argv[1].removeprefix('--mpi=')"
    return f"given = {given}\nif given == 'list': {LISTED}\nelse: {finds(2)} if given == {works!r} else {finds(1)}"


@pytest.mark.parametrize(
    ("library", "works", "first"), [("MPICH 5", "pmix", "pmi2"), ("Open MPI 5", "pmi2", "pmix"), ("", "pmi2", "pmi2")]
)
def test_the_srun_whose_ranks_find_each_other(
    library: str, works: str, first: str, on_path: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "_spoken", lambda: launching.spoken_by(library))
    on_path.install("srun", srun(works))
    job = {**IN_A_JOB, "PATH": os.environ["PATH"]}
    assert launcher(job) == f"srun --mpi={works} --wait=60"
    assert launcher({**job, "SLURM_CPUS_PER_TASK": "6"}) == f"srun --mpi={works} --cpus-per-task=6 --wait=60"
    asked = [call for call in on_path.calls("srun") if call != ["--mpi=list"]]
    assert asked[0][0] == f"--mpi={first}" and asked[0][1:5] == ["-n", "2", "-N", "2"]


def test_mpirun_where_no_srun_serves(on_path: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "_spoken", lambda: ("pmi2",))
    on_path.install("srun", srun("none"))
    on_path.install("mpirun", finds(2))
    assert launcher({**IN_A_JOB, "PATH": os.environ["PATH"]}) == "mpirun -n 8"


def test_no_launcher_at_all(on_path: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "_spoken", lambda: ("pmi2",))
    with pytest.raises(SimError, match=r"mpirun: .*can't be started(?s:.*)SIM_MPI=system"):
        launcher({**IN_A_JOB, "PATH": os.environ["PATH"]})


@pytest.mark.parametrize("environment", [{}, {"SLURM_NTASKS": "x", "SLURM_NNODES": "1"}, {"SLURM_NNODES": "1"}])
def test_no_job(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SimError, match="SLURM_NTASKS"):
        launcher(environment)


def test_the_command_prints_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sim.batch.launcher", lambda: "srun --mpi=pmi2 --wait=60")
    assert cli.main(["launcher"]) == 0
    assert capsys.readouterr().out == "srun --mpi=pmi2 --wait=60\n"
