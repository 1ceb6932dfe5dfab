"""Batch jobs: which script runs a case under SLURM, what is filled in, and how ranks are started inside."""

from sim.batch.job import Job
from sim.batch.launching import launcher
from sim.batch.submission import submit

__all__ = ["Job", "launcher", "submit"]
