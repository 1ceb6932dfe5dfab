"""What must be settled before JAX starts its backend."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import jax

from sim import machine
from sim.errors import SimError
from sim.heap import keep_freed_memory
from sim.launcher import launched

_XLA_FLAGS = {
    # Without it XLA's copy insertion gives up on the ghost writes of the time loop and copies whole blocks.
    "--xla_cpu_copy_insertion_use_region_analysis": "true",
    # The older emitters vectorize a stencil in 3-D, and one that starts at a traced index; the newer ones don't.
    "--xla_cpu_use_fusion_emitters": "false",
    # Of machines with AVX-512 LLVM uses half, for fear of their clock; a stencil in cache gains a quarter by all.
    "--xla_cpu_prefer_vector_width": "512",
    # With more devices than cores the first may wait long for the last; what really hangs is ended by the watchdog.
    "--xla_cpu_collective_call_warn_stuck_timeout_seconds": "1800",
    "--xla_cpu_collective_call_terminate_timeout_seconds": "86400",
    "--xla_cpu_collective_timeout_seconds": "86400",
}

# Functions such as exp are polynomials of XLA's, whose products and sums the compiler contracts or not.
_WITHOUT_FMA = {"--xla_cpu_max_isa": "AVX"}


def configure(devices: int | None = None, *, one_device: bool = False, reproducible: bool = False) -> None:
    """Set 64-bit types, XLA flags and the devices of this process.

    `devices` asks for that many (virtual) CPU devices; `one_device` binds the process to a single one, on a
    machine with GPUs the one of its rank on the node; `reproducible` does without instructions of two roundings in
    one.  A user's own XLA_FLAGS win.  Does not start the backend, and does nothing more where it has started already.
    """
    keep_freed_memory()
    jax.config.update("jax_enable_x64", True)
    if not _backend_started():
        _add_xla_flags({**_XLA_FLAGS, **(_WITHOUT_FMA if reproducible else {})})
        if machine.gpus() == 0:
            # Threads of XLA's, one a device: with more, what one core has in its cache another one is asked to go on
            # with.  Cores are used by ranks and devices.  A user's own NPROC wins.
            os.environ.setdefault("NPROC", str(devices or 1))
        if devices is not None:
            jax.config.update("jax_num_cpu_devices", devices)
        if one_device:
            _bind_to_one_gpu()


@contextmanager
def arithmetic() -> Iterator[None]:
    """Within it JAX computes as runs want it, whatever the program around has chosen; afterwards as that has."""
    before = _everywhere()
    try:
        with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
            yield
    finally:
        # `configure` sets it, for threads too.
        jax.config.update("jax_enable_x64", before)


def _everywhere() -> bool:
    """Whether JAX has 64-bit types where no context says otherwise, which is of one thread and its own."""
    with ThreadPoolExecutor(1) as elsewhere:
        return elsewhere.submit(lambda: bool(jax.config.values["jax_enable_x64"])).result()


def check_threads() -> None:
    """Raise SimError where the user's own NPROC is none: XLA then starts one a core, or more than there can be."""
    given = os.environ.get("NPROC", "1")
    if machine.gpus() == 0 and not machine.is_count_of_threads(given):
        raise SimError(
            f"NPROC is how many threads XLA starts, a whole number from 1 to {machine.MOST_THREADS}; "
            f"got {given!r:.40}; unset it for one a device"
        )


def check_devices(devices: int | None) -> None:
    """Raise SimError where JAX, which this starts, lacks the devices asked for."""
    if devices is not None and jax.local_device_count() < devices:
        raise SimError(
            f"--devices {devices} asks for more devices than the {jax.local_device_count()} that JAX has here; "
            f"in a script on CPU, ask before JAX is first used"
        )


def xla_flags() -> str:
    return os.environ.get("XLA_FLAGS", "")


def check_reproducible() -> None:
    """Raise SimError where a program has started JAX with instructions that it was to do without."""
    if jax.default_backend() == "cpu" and next(iter(_WITHOUT_FMA)) not in xla_flags():
        raise SimError(
            "numerics.reproducible must be asked for before JAX is first used; put this run first in your script, "
            "or set XLA_FLAGS=--xla_cpu_max_isa=AVX"
        )


def _add_xla_flags(wanted: Mapping[str, str]) -> None:
    given = xla_flags()
    missing = [f"{name}={value}" for name, value in wanted.items() if name not in given]
    os.environ["XLA_FLAGS"] = " ".join([*missing, *([given] if given else [])])


def _bind_to_one_gpu() -> None:
    launch, gpus = launched(), machine.gpus()
    if launch is not None and gpus > 1:
        jax.config.update("jax_cuda_visible_devices", str(launch.local_rank % gpus))


def _backend_started() -> bool:
    from jax._src import xla_bridge

    return bool(xla_bridge.backends_are_initialized())
