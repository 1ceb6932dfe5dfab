"""Settled before JAX starts: eight virtual CPU devices, and all else as the program itself has it."""

from __future__ import annotations

import argparse
import os
from tempfile import TemporaryDirectory

import jax
import pytest
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


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sample", metavar="I/N", type=_part, help="of the tests marked long the I-th of N parts alone")


def _part(text: str) -> tuple[int, int]:
    part, _, parts = text.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and 1 <= int(part) <= int(parts)):
        raise argparse.ArgumentTypeError(f"{text} is no part; give one such as 1/4")
    return int(part), int(parts)


# Last: other files mark tests as long here too.
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("sample") is None:
        return
    part, parts = config.getoption("sample")
    long = [item for item in items if item.get_closest_marker("long")]
    left_out = {id(item) for number, item in enumerate(long) if number % parts != part - 1}
    config.hook.pytest_deselected(items=[item for item in long if id(item) in left_out])
    items[:] = [item for item in items if id(item) not in left_out]


def pytest_unconfigure() -> None:
    _COMPILED.cleanup()
