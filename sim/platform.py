"""What must be settled before JAX starts its backend."""

from __future__ import annotations

import os
from pathlib import Path

import jax

from sim.errors import SimError
from sim.launcher import launched

_XLA_FLAGS = {
    # Without it XLA's copy insertion gives up on the ghost writes of the time loop and copies whole blocks.
    "--xla_cpu_copy_insertion_use_region_analysis": "true",
    # The older emitters vectorize a stencil in 3-D, and one that starts at a traced index; the newer ones don't.
    "--xla_cpu_use_fusion_emitters": "false",
    # Of machines with AVX-512 LLVM uses half, for fear of their clock; a stencil in cache gains a quarter by all.
    "--xla_cpu_prefer_vector_width": "512",
    # With more devices than cores the first may wait for the last for long; who really hangs, the watchdog ends.
    "--xla_cpu_collective_call_warn_stuck_timeout_seconds": "1800",
    "--xla_cpu_collective_call_terminate_timeout_seconds": "86400",
    "--xla_cpu_collective_timeout_seconds": "86400",
}


def configure(devices: int | None = None, *, one_device: bool = False) -> None:
    """Set 64-bit types, XLA flags and the devices of this process.

    `devices` asks for that many (virtual) CPU devices; `one_device` binds the process to a single one, on a
    machine with GPUs the one of its rank on the node.  A user's own XLA_FLAGS win.  Does not start the backend,
    and does nothing more where it has started already.
    """
    jax.config.update("jax_enable_x64", True)
    if not _backend_started():
        _add_xla_flags()
        if devices is not None:
            jax.config.update("jax_num_cpu_devices", devices)
        if one_device:
            _bind_to_one_gpu()


def check_devices(devices: int | None) -> None:
    """Raise SimError where JAX, which this starts, lacks the devices asked for."""
    if devices is not None and jax.local_device_count() < devices:
        raise SimError(
            f"--devices {devices} asks for more devices than the {jax.local_device_count()} that JAX has here; "
            f"in a script on CPU, ask before JAX is first used"
        )


def xla_flags() -> str:
    return os.environ.get("XLA_FLAGS", "")


def _add_xla_flags() -> None:
    given = xla_flags()
    missing = [f"{name}={value}" for name, value in _XLA_FLAGS.items() if name not in given]
    os.environ["XLA_FLAGS"] = " ".join([*missing, *([given] if given else [])])


def _bind_to_one_gpu() -> None:
    launch, gpus = launched(), _visible_gpus()
    if launch is not None and gpus > 1:
        jax.config.update("jax_cuda_visible_devices", str(launch.local_rank % gpus))


def _visible_gpus() -> int:
    """How many GPUs this process sees: what the batch system or the user shows it, else all of the machine."""
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    return len(list(Path("/dev").glob("nvidia[0-9]*"))) if listed is None else len(listed.split(","))


def _backend_started() -> bool:
    from jax._src import xla_bridge

    return bool(xla_bridge.backends_are_initialized())
