"""A script's way to SLURM."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from sim.errors import SimError
from sim.subprocesses import run_bounded

_SECONDS = 120.0


def submit(script: str) -> str:
    """Give a batch script to sbatch, which keeps a copy; the job's number.  Raises SimError where it is refused."""
    sbatch = shutil.which("sbatch")
    if sbatch is None:
        raise SimError("there is no sbatch on PATH; submit where SLURM is, or print the script: --dry-run")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "job.sbatch"
        path.write_text(script, encoding="utf-8")
        finished = run_bounded([sbatch, "--parsable", str(path)], _SECONDS, os.environ)
    if finished.returncode != 0 or finished.timed_out:
        said = " ".join(finished.stderr.split()) or finished.complaint()
        raise SimError(f"sbatch refuses the job: {said}; see what it was given: --dry-run")
    # JOB or, of several clusters, JOB;CLUSTER.
    return finished.stdout.strip().partition(";")[0]
