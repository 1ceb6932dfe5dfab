"""Settled before JAX starts: eight virtual CPU devices, and all else as the program itself has it."""

from __future__ import annotations

import os

import jax
from hypothesis import settings

from sim import platform

jax.config.update("jax_platforms", os.environ.get("JAX_PLATFORMS") or "cpu")
platform.configure(devices=8)

# An example may compile, so it has no deadline; the same examples every day, and nothing left on disk.
settings.register_profile("halostep", deadline=None, derandomize=True, database=None)
settings.load_profile("halostep")
