"""Settled before JAX starts: eight virtual CPU devices, and all else as the program itself has it."""

from __future__ import annotations

import os
from tempfile import TemporaryDirectory

import jax
from hypothesis import settings

from sim import platform

# What is kept from run to run would make the second run of a test another than the first.
os.environ["SIM_CACHE"] = "off"
jax.config.update("jax_platforms", os.environ.get("JAX_PLATFORMS") or "cpu")
platform.configure(devices=8)

# Within this process a program that an earlier test has compiled is not compiled again.
_COMPILED = TemporaryDirectory(prefix="halostep-tests-")
jax.config.update("jax_compilation_cache_dir", _COMPILED.name)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)

# An example may compile, so it has no deadline; the same examples every day, and nothing left on disk.
settings.register_profile("halostep", deadline=None, derandomize=True, database=None)
settings.load_profile("halostep")


def pytest_unconfigure() -> None:
    _COMPILED.cleanup()
