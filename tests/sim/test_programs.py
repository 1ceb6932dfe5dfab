"""What is kept on disk: private, whole or not there, and found again by the next process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax._src import cache_key, compiler, xla_bridge

from sim import kept, programs
from sim.programs import Programs
from sim.subprocesses import clean_environment, run_bounded


def test_a_program_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    store = Programs(tmp_path)
    assert store.get("a") is None
    store.put("a", b"machine code")
    assert store.get("a") == b"machine code"
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    assert store.get("a") is None
    store.put("a", b"machine code")
    assert store.get("a") == b"machine code"


def test_what_was_not_used_for_long_makes_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "_MOST_BYTES", 150)
    store = Programs(tmp_path)
    for number, key in enumerate("abc"):
        store.put(key, bytes(30))
        (tmp_path / f"{key}.program").touch()
        os.utime(tmp_path / f"{key}.program", (number, number))
    assert [store.get(key) is not None for key in "abc"] == [False, True, True]


def test_the_directory_is_the_users_own(tmp_path: Path) -> None:
    found = kept.directory({"XDG_CACHE_HOME": str(tmp_path)})
    assert found is not None and found.parent == tmp_path / "halostep"
    assert found.stat().st_mode & 0o777 == 0o700
    assert kept.directory({"HOME": str(tmp_path)}) == tmp_path / ".cache" / "halostep" / found.name
    assert kept.directory({"HOME": str(tmp_path), kept.VARIABLE: "off"}) is None
    assert kept.directory({kept.VARIABLE: "/proc/nothing"}) is None


def test_a_directory_that_others_may_write_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "halostep").mkdir()
    (tmp_path / "halostep").chmod(0o777)
    assert kept.directory({"XDG_CACHE_HOME": str(tmp_path)}) is None
    (tmp_path / "link").symlink_to(tmp_path)
    assert kept.directory({kept.VARIABLE: str(tmp_path / "link")}) is None


def test_another_handle_is_another_program() -> None:
    """mpi4jax's calls hold the communicator's handle as an attribute; a program with another must not be found."""

    def key(handle: int) -> str:
        call = jax.ffi.ffi_call("somewhere", jax.ShapeDtypeStruct((4,), jnp.float32))
        lowered = jax.jit(lambda x: call(x, comm=np.int64(handle))).lower(jnp.zeros(4, jnp.float32))
        devices = np.array(jax.devices()[:1])
        return cache_key.get(
            lowered.compiler_ir("stablehlo"), devices, compiler.get_compile_options(1, 1), xla_bridge.get_backend()
        )

    assert key(1) == key(1) != key(2)


@pytest.mark.long
@pytest.mark.parametrize("options", [[], ["--devices", "2"]], ids=["serial", "xla"])
def test_a_second_run_compiles_nothing(options: list[str], tmp_path: Path) -> None:
    environment = {**clean_environment(), kept.VARIABLE: str(tmp_path / "kept")}
    command = [sys.executable, "-m", "sim", "run", "heat2d", "--set", "grid.x.cells=32", "--set", "grid.y.cells=32"]
    outcomes, files = [], []
    for number in ("1", "2"):
        done = run_bounded([*command, *options, "--output", str(tmp_path / number)], 120, environment)
        assert done.returncode == 0, done.stderr
        outcomes.append([path.read_bytes() for path in sorted((tmp_path / number / "snapshots").iterdir())])
        files.append({path.name for path in (tmp_path / "kept").rglob("*.program")})
    assert outcomes[0] == outcomes[1] and files[0] == files[1] and len(files[0]) >= 4
