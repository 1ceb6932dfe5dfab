"""A script is filled in as bash and sbatch read it, and what can't run is refused before it queues."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim import casefile, cli
from sim.batch import Job, template
from sim.errors import SimError

from .conftest import Machine, with_python

# Characters that a shell, or sbatch, might take for its own.
ODD = 'it\'s a "$HOME" `id` \\ #1\n#SBATCH --nodes=9; é'
SPECTRAL = ("time.integrator=spectral",)
JOB: dict[str, Any] = {"case": "heat2d", "nodes": 2, "ranks_per_node": 4, "time": "2:00:00"}


def directives(script: str) -> dict[str, str]:
    """Of sbatch's lines, which end where the first command stands; none is given twice."""
    head = re.split(r"^[^#\n]", script, maxsplit=1, flags=re.MULTILINE)[0]
    found = re.findall(r"^#SBATCH --([\w-]+)=?(.*)$", head, re.MULTILINE)
    assert len(dict(found)) == len(found)
    return dict(found)


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
    of_a_kind = Job(**JOB, gpus=4, options=("--gpus-per-node=a100:4", "--gres=disk:1", "--time-min=5")).script()
    assert directives(of_a_kind)["gpus-per-node"] == "a100:4"


@pytest.mark.parametrize(
    ("time", "notice"),
    [
        ("3", 60),
        ("3:30", 70),
        ("8:59", 179),
        ("9", 180),
        ("0:10:00", 180),
        ("0-1", 180),
        ("0-0:04", 80),
        ("2:00:00", 180),
    ],
)
def test_a_chain_is_told_in_time_and_not_from_its_start(time: str, notice: int) -> None:
    script = Job(**{**JOB, "time": time}, chain=True).script()
    assert directives(script)["signal"] == f"B:USR1@{notice}" and directives(script)["time"] == time
    asked = Job(**{**JOB, "time": "0-1:30:59"}, chain=True, options=("--signal=B:USR1@900",)).script()
    assert directives(asked)["signal"] == "B:USR1@900"


WHICH: dict[str, dict[str, Any]] = {
    "run-cpu": {},
    "run-gpu": {"gpus": 4},
    "run-multihost-xla": {"gpus": 2, "ranks_per_node": 1, "overrides": ("parallel.transport=xla",)},
    "chain": {"gpus": 4, "chain": True},
}


@pytest.mark.parametrize(("name", "asked"), WHICH.items(), ids=WHICH)
def test_which_script(name: str, asked: dict[str, Any]) -> None:
    script = Job(**{**JOB, **asked}).script()
    assert f"sbatch {name}.sbatch" in script
    assert directives(script).get("gpus-per-node") == (str(asked["gpus"]) if "gpus" in asked else None)


@pytest.mark.parametrize("chain", [False, True], ids=["", "chain"])
@pytest.mark.parametrize(("wish", "binding"), [("auto", "none"), ("xla", None)])
def test_a_gpu_that_cant_be_used_ends_the_job(wish: str, binding: str | None, chain: bool, machine: Machine) -> None:
    """Rather than that its CPUs do the work, of which each rank has some to feed its GPU."""
    machine.install("srun", "os.execvp(sys.argv[4], sys.argv[4:])")
    asked = {"ranks_per_node": 2 if wish == "auto" else 1, "gpus": 2, "chain": chain}
    script = Job(**{**JOB, **asked}, overrides=(f"parallel.transport={wish}",)).script()
    assert directives(script)["cpus-per-task"] == "8"
    note = f"json.dump(dict(os.environ), open({str(machine.folder / 'given')!r}, 'w'))"
    finished = machine.run(with_python(script, machine, note), SLURM_GPUS_PER_NODE="2")
    assert finished.returncode == 0, finished
    given = json.loads((machine.folder / "given").read_text())
    assert given["JAX_PLATFORMS"] == "cuda,cpu" and given.get("SLURM_GPU_BIND") in (binding, "none")


GPUS: dict[str, tuple[dict[str, Any], str | None]] = {
    "more ranks than GPUs": ({"gpus": 2, "ranks_per_node": 5}, "where a rank takes one GPU; give --ranks-per-node 2"),
    "fewer": ({"gpus": 2, "ranks_per_node": 1}, "give --ranks-per-node 2"),
    "one rank of MPI": ({"nodes": 1, "gpus": 2, "ranks_per_node": 1, "overrides": ("parallel.transport=mpi",)}, "2$"),
    "one process": ({"nodes": 1, "gpus": 2, "ranks_per_node": 1}, None),
    "of XLA one a GPU": ({"gpus": 2, "ranks_per_node": 2, "overrides": ("parallel.transport=xla",)}, "-node 1$"),
    "hybrid one a GPU": ({"gpus": 2, "ranks_per_node": 2, "overrides": ("parallel.transport=hybrid",)}, "-node 1$"),
    "hybrid": ({"gpus": 2, "ranks_per_node": 1, "overrides": ("parallel.transport=hybrid",)}, None),
    "modes on one GPU": ({"nodes": 1, "gpus": 1, "ranks_per_node": 1, "overrides": SPECTRAL}, None),
    "modes on two": ({"nodes": 1, "gpus": 2, "ranks_per_node": 1, "overrides": SPECTRAL}, "one block, not 2"),
}


@pytest.mark.parametrize(("asked", "refusal"), GPUS.values(), ids=GPUS)
def test_ranks_and_gpus(asked: dict[str, Any], refusal: str | None) -> None:
    job = Job(**{**JOB, **asked})
    if refusal is None:
        assert directives(job.script())["ntasks-per-node"] == "1"
    else:
        with pytest.raises(SimError, match=refusal):
            job.script()


@pytest.mark.parametrize("chain", [False, True], ids=["", "chain"])
@pytest.mark.parametrize(
    ("wishes", "options", "cpus", "devices"),
    [
        (("parallel.transport=xla",), (), "8", "8"),
        (("parallel.transport=xla",), ("--cpus-per-task=4",), "4", "4"),
        (("parallel.transport=xla", "parallel.devices=2"), (), "2", "2"),
        (("parallel.transport=xla", "parallel.devices=2"), ("--cpus-per-task=3",), "3", "2"),
        (("parallel.transport=hybrid", "parallel.devices=2"), (), "2", "2"),
        (("parallel.transport=xla", *SPECTRAL), (), "8", None),
        ((), (), "1", None),
    ],
)
def test_devices_and_cpus(
    wishes: tuple[str, ...], options: tuple[str, ...], cpus: str, devices: str | None, chain: bool, machine: Machine
) -> None:
    machine.install("srun", "os.execvp(sys.argv[4], sys.argv[4:])")
    nodes = {"nodes": 1, "ranks_per_node": 1} if wishes[1:] == SPECTRAL else {}
    script = Job(**{**JOB, **nodes}, chain=chain, overrides=wishes, options=options).script()
    assert directives(script)["cpus-per-task"] == cpus
    assert machine.run(with_python(script, machine)).returncode == 0
    (call,) = machine.calls("python")
    assert [word for word in call if "devices" in word] == ([f"parallel.devices={devices}"] if devices else [])


def test_odd_names_arrive(machine: Machine, small: Callable[..., dict[str, Any]]) -> None:
    path = machine.folder / f"{ODD}.toml"
    path.write_text(casefile.to_toml(casefile.load(small(parallel={}))))
    script = Job(**{**JOB, "case": str(path)}, output=ODD, overrides=(f"title={ODD}",)).script()
    assert directives(script)["nodes"] == "2"
    finished = machine.run(with_python(script, machine))
    assert finished.returncode == 0, finished
    assert machine.calls("python") == [["-m", "sim", "run", str(path), "--output", ODD, "--set", f"title={ODD}"]]


def test_a_chain_remembers_where_and_how_long_to_run(machine: Machine) -> None:
    """A run that is resumed doesn't."""
    wishes = ("parallel.transport=xla", "parallel.devices=2", "parallel.process_grid.x=4", "time.end=0.1")
    wishes += ("checkpoint.time_limit=0:50:00",)
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
    assert given["parallel.process_grid.x"] == "4" and given["checkpoint.time_limit"] == '"0:50:00"'
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


NOTICE = ["--sbatch=--signal=B:USR1@600"]
ALPHA = ["--set", "equation.alpha=1 + x"]
REFUSED = {
    "no time": (["--nodes", "2"], "--time"),
    "a time of words": (["--time", "soon"], "--time"),
    "a time and more": (["--time", "1:00 --nodes=9"], "--time"),
    "a time that is no limit": (["--time", "0"], "--time 0 is no limit at all to SLURM"),
    "no hours, minutes or seconds": (["--time", "0-00:00:00"], "is no limit at all"),
    "a chain of too short links": (["--chain", "--time", "2"], "give --time 3 or more"),
    "links shorter than the notice": (["--chain", "--time", "5", *NOTICE], "600 s before its --time 5"),
    "no nodes": (["--time", "5", "--nodes", "0"], "--nodes"),
    "no ranks": (["--time", "5", "--ranks-per-node", "0"], "--ranks-per-node"),
    "no GPUs": (["--time", "5", "--gpus", "0"], "--gpus"),
    "a partition of two lines": (["--time", "5", "--partition", "a\n#SBATCH --nodes=9"], "--partition"),
    "an account with a blank": (["--time", "5", "--account", "a b"], "--account"),
    "no option of sbatch's": (["--time", "5", "--sbatch", "qos=debug"], "--sbatch"),
    "an option of two lines": (["--time", "5", "--sbatch", "--qos=a\nb"], "--sbatch"),
    "a signal that ends a link": (["--chain", "--time", "9", "--sbatch=--signal=USR2@10"], "waits for USR1"),
    "a signal to the ranks": (["--chain", "--time", "9", "--sbatch=--signal=USR1@10"], "=B:USR1@SECONDS; got USR1@10"),
    "a signal of no time": (["--chain", "--time", "9", "--sbatch=--signal=B:USR1"], "=B:USR1@SECONDS"),
    "a signal, shortened": (["--chain", "--time", "9", "--sbatch=--sig=B:USR1@99"], "=B:USR1@SECONDS"),
    "a chain of one link": (["--chain", "--time", "9", "--sbatch=--no-requeue"], "end the chain with its first job"),
    "other nodes": (["--time", "5", "--sbatch=--nodes=7"], "--nodes=7 would give the job another size than is checked"),
    "other nodes, shortened": (["--time", "5", "--sbatch=--node=7"], "give --nodes instead"),
    "other nodes in a letter": (["--time", "5", "--sbatch=-N7"], "sbatch's long options"),
    "other ranks": (["--time", "5", "--sbatch=--ntasks=7"], "give --nodes and --ranks-per-node instead"),
    "other ranks a node": (["--time", "5", "--sbatch=--ntasks-per-node=7"], "give --nodes and --ranks-per-node"),
    "GPUs behind its back": (["--time", "5", "--sbatch=--gpus=2"], "give --gpus (of a kind: --gpus 2"),
    "GPUs as a resource": (["--time", "5", "--sbatch=--gres=gpu:2"], "give --gpus (of a kind: --gpus 2"),
    "other GPUs": (["--time", "5", "--gpus", "2", "--sbatch=--gpus-per-node=a100:4"], "give --gpus"),
    "another time": (["--time", "5", "--sbatch=--time=9"], "give --time instead"),
    "a directory without a name": (["--time", "5", "--output", ""], "no directory is named"),
    "an unknown key": (["--time", "5", "--set", "time.stop=3"], "time.stop"),
    "more ranks than cells": (["--time", "5", "--nodes", "9999", "--ranks-per-node", "999"], "fewer ranks"),
    "a transport for one": (
        ["--time", "5", "--nodes", "2", "--set", "parallel.transport=serial"],
        "--transport auto, or",
    ),
    "another process grid": (["--time", "5", "--nodes", "3", "--set", "parallel.process_grid.x=2"], "process grid"),
    "a process alone": (["--time", "5", "--nodes", "3", "--set", "parallel.transport=serial"], "--transport auto, or"),
    "an unstable step": (["--time", "5", "--set", "time.step=0.001"], "euler on this grid allows at most 9.5"),
    "no such file": (["--time", "5", "--set", 'initial.u={file="/nonexistent.npy"}'], "initial.u: field file /non"),
    "a field that isn't finite": (["--time", "5", "--set", "initial.u=1/(x-x)"], "every value must be finite"),
    "modes of several blocks": (["--time", "5", "--nodes", "2", "--set", "time.integrator=spectral"], "in one block"),
    "modes of other walls": (["--time", "5", "--set", "time.integrator=spectral", *ALPHA], "knows a constant alpha"),
    "no integrator for it": (["--time", "5", "--set", "time.integrator=verlet"], "of second order in time"),
    "an unknown output": (["--time", "5", "--set", "output.fields.w.units=K"], "there is no field 'w'"),
}


@pytest.mark.parametrize(("options", "word"), REFUSED.values(), ids=REFUSED)
def test_refused(options: list[str], word: str, on_path: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    on_path.install("sbatch")
    assert cli.main(["submit", "heat2d", *options]) == cli.EXIT_USER_ERROR
    said = capsys.readouterr().err
    assert said.count("sim: error: ") == 1 and word in said
    assert not on_path.calls("sbatch")


def test_a_file_of_another_shape_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "u.npy", np.zeros((3, 4)))
    huge = ("grid.x.cells=100_000_000", "grid.y.cells=10_000_000")
    for sizes in ((), huge):
        overrides = (*sizes, f'initial.u={{file="{tmp_path}/u.npy"}}')
        with pytest.raises(SimError, match=r"holds the shape \(3, 4\)"):
            Job(**JOB, overrides=overrides).script()


def test_what_swings_is_refused_by_euler(tmp_path: Path, small: Callable[..., dict[str, Any]]) -> None:
    path = tmp_path / "swings.toml"
    wave = small(equation={"kind": "wave", "speed": 1.0}, initial={"u": 0.0, "v": 0.0}, exact={}, parallel={})
    path.write_text(casefile.to_toml(casefile.load(wave)))
    with pytest.raises(SimError, match="euler has no stable step for this equation"):
        Job(**{**JOB, "case": str(path)}).script()
    assert Job(**{**JOB, "case": str(path)}, overrides=("time.integrator=auto",)).script()


def test_what_runs_is_accepted() -> None:
    """Implicit and steady ones, members of an ensemble that need no cut, and a grid that no login node holds."""
    for case, overrides in (
        ("heat2d", ("time.integrator=bdf2", "time.step=0.01")),
        ("heat2d", ("time.steady=true",)),
        ("robin-plate", ()),
        ("ensemble-plate", ("grid.x.cells=2", "grid.y.cells=2")),
        ("heat2d", ("grid.x.cells=100_000_000", "grid.y.cells=10_000_000", "time.end=1e-6")),
    ):
        assert Job(**{**JOB, "case": case}, overrides=overrides).script()


def test_a_directory_that_holds_a_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").touch()
    with pytest.raises(SimError, match="already holds a run"):
        Job(**JOB, output=str(tmp_path)).script()
