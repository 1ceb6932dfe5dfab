"""A machine whose batch system is made of fakes that note how they are called."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from sim.batch import template


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
