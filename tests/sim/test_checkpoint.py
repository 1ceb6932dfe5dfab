"""Checkpoints: whole or not there, whatever cut wrote them and whatever cut reads them; damage is seen and named."""

from __future__ import annotations

import json
import math
import os
import pickle
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.checkpoint.blockfile import file_name
from sim.checkpoint.manifest import BlockEntry, DamageError, parse_manifest, read_manifest
from sim.checkpoint.store import Content, Store
from sim.errors import SimError
from sim.subprocesses import with_our_package
from sim.team import Solo
from sim.topology import Topology
from tests.disks import small_file_system

Capture = pytest.CaptureFixture[str]


def values(step: int, shape: tuple[int, ...], dtype: str = "float64") -> np.ndarray:
    return (np.arange(math.prod(shape)).reshape(shape) + 1000 * step).astype(dtype)


def write(store: Store, step: int, fields: dict[str, np.ndarray], cut: tuple[int, ...]) -> Path:
    blocks = {}
    for name, u in fields.items():
        topology = Topology(u.shape, cut)
        blocks[name] = [(topology.box(rank), u[topology.box(rank)]) for rank in range(topology.count)]
    shapes = {name: u.shape for name, u in fields.items()}
    content = Content(step, step / 8, shapes, {"said": step}, {"name": "x"}, {"q": "00"}, {"jax": "1"})
    return store.write(content, blocks)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "checkpoints", Solo(), keep=2)


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint32", "int64"])
@pytest.mark.parametrize(
    ("shape", "cut", "other"),
    [((17,), (3,), (5,)), ((9, 14), (2, 3), (4, 1)), ((9, 14), (1, 1), (3, 4)), ((5, 6, 7), (2, 1, 3), (1, 3, 2))],
)
def test_any_cut_reads_what_any_other_wrote(
    store: Store, shape: tuple[int, ...], cut: tuple[int, ...], other: tuple[int, ...], dtype: str
) -> None:
    fields = {"u": values(1, shape, dtype), "v": values(2, shape, "float32")}
    write(store, 7, fields, cut)
    found = store.newest()
    assert found is not None and (found.manifest.step, found.manifest.time) == (7, 7 / 8)
    assert found.manifest.state == {"said": 7} and found.manifest.case == {"name": "x"}
    topology = Topology(shape, other)
    for rank in range(topology.count):
        box = topology.box(rank)
        for name, u in fields.items():
            np.testing.assert_array_equal(found.read(name, box), u[box], strict=True)


def test_the_longest_name_of_a_field_names_files_of_the_largest_grid() -> None:
    """Of an ensemble, and with what a step adds to it."""
    last = (slice(4095, 4096), *[slice(2**31 - 2, 2**31 - 1)] * 3)
    name = "u" * 64 + "__before"
    entry = BlockEntry(
        field=name, file=file_name(name, last), start=(4095, *[0] * 3), stop=(4096, *[1] * 3), sha256="0" * 64
    )
    assert entry.file.startswith(name)


def test_a_block_that_is_a_view_into_ghosts(store: Store) -> None:
    ghosted = values(0, (12, 15))
    write(store, 1, {"u": ghosted[2:-2, 2:-2]}, (1, 1))
    found = store.newest()
    assert found is not None
    np.testing.assert_array_equal(found.read("u", (slice(0, 8), slice(0, 11))), ghosted[2:-2, 2:-2])


def test_a_reader_maps_the_blocks_that_it_needs_and_no_others(store: Store) -> None:
    folder = write(store, 1, {"u": values(1, (8, 8))}, (2, 2))
    found = store.newest()
    assert found is not None
    for path in folder.glob("u-4-*"):
        path.unlink()
    assert found.read("u", (slice(0, 4), slice(2, 6))).shape == (4, 4)
    with pytest.raises(SimError, match=r"u-4-\d.npy can't be read"):
        found.read("u", (slice(0, 5), slice(2, 6)))


def test_no_checkpoint_is_none(store: Store) -> None:
    assert store.newest() is None
    store.folder.mkdir()
    assert store.newest() is None


def test_the_last_ones_are_kept(store: Store) -> None:
    for step in (3, 20, 100):
        assert write(store, step, {"u": values(step, (4, 4))}, (2, 1)) == store.folder / str(step)
    assert sorted(entry.name for entry in store.folder.iterdir()) == ["100", "20"]


def test_what_killed_writers_left_is_cleared_and_what_is_not_ours_is_not(store: Store) -> None:
    for name in (".5.part", ".4.old", ".nfs0001", "notes"):
        (store.folder / name).mkdir(parents=True)
        (store.folder / name / "x").write_text("x")
    write(store, 6, {"u": values(6, (4, 4))}, (1, 1))
    assert sorted(entry.name for entry in store.folder.iterdir()) == [".nfs0001", "6", "notes"]


def test_the_manifest_is_json_that_says_what_is_where(store: Store) -> None:
    folder = write(store, 6, {"u": values(6, (4, 6))}, (1, 2))
    manifest = json.loads((folder / "manifest.json").read_text())["manifest"]
    assert manifest["format"] == "halostep checkpoint 1" and manifest["versions"] == {"jax": "1"}
    assert manifest["fields"] == {"u": {"dtype": "<f8", "shape": [4, 6]}}
    assert [(b["file"], b["start"], b["stop"]) for b in manifest["blocks"]] == [
        ("u-0-0.npy", [0, 0], [4, 3]),
        ("u-0-3.npy", [0, 3], [4, 6]),
    ]
    np.testing.assert_array_equal(np.load(folder / "u-0-3.npy", allow_pickle=False), values(6, (4, 6))[:, 3:])


# ----------------------------------------------------------------------------------------------------------- damage


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0x10
    path.write_bytes(content)


def truncate(path: Path, size: int) -> None:
    os.truncate(path, size)


def swap(folder: Path) -> None:
    (folder / "u-0-0.npy").rename(folder / "x")
    (folder / "u-0-3.npy").rename(folder / "u-0-0.npy")
    (folder / "x").rename(folder / "u-0-3.npy")


def sign(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """A manifest changed by somebody who knows how to make its digest."""
    from sim.checkpoint.manifest import _digest

    content = json.loads((folder / "manifest.json").read_text())["manifest"]
    change(content)
    (folder / "manifest.json").write_text(json.dumps({"sha256": _digest(content), "manifest": content}))


def pickled(path: Path) -> None:
    with path.open("wb") as stream:
        np.save(stream, np.array([[{}] * 3] * 4, object), allow_pickle=True)


DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a bit of a block": (lambda d: flip(d / "u-0-3.npy", -5), "u-0-3.npy"),
    "a bit of a block's header": (lambda d: flip(d / "u-0-3.npy", 30), "u-0-3.npy"),
    "a block cut short": (lambda d: truncate(d / "u-0-3.npy", 150), "u-0-3.npy"),
    "an empty block": (lambda d: truncate(d / "u-0-0.npy", 0), "u-0-0.npy"),
    "a block too long": (lambda d: (d / "u-0-0.npy").open("ab").write(b"more"), "u-0-0.npy"),
    "a block missing": (lambda d: (d / "u-0-0.npy").unlink(), "u-0-0.npy"),
    "blocks exchanged": (swap, "u-0-0.npy"),
    "a block that is pickled": (lambda d: pickled(d / "u-0-0.npy"), "u-0-0.npy"),
    "a block that is a folder": (lambda d: ((d / "u-0-0.npy").unlink(), (d / "u-0-0.npy").mkdir()), "u-0-0.npy"),
    "a bit of the manifest": (lambda d: flip(d / "manifest.json", 200), "manifest.json"),
    "the manifest cut short": (lambda d: truncate(d / "manifest.json", 300), "manifest.json"),
    "an empty manifest": (lambda d: truncate(d / "manifest.json", 0), "manifest.json"),
    "no manifest": (lambda d: (d / "manifest.json").unlink(), "manifest.json"),
    "another program's": (lambda d: (d / "manifest.json").write_text('{"step": 3, "data": []}'), "manifest.json"),
    "a manifest that is no text": (lambda d: (d / "manifest.json").write_bytes(pickle.dumps({})), "manifest.json"),
    "nested beyond measure": (lambda d: (d / "manifest.json").write_text("[" * 100_000), "manifest.json"),
    "another format": (lambda d: sign(d, lambda m: m.update(format="halostep checkpoint 9")), "format"),
    "a file elsewhere": (lambda d: sign(d, lambda m: m["blocks"][0].update(file="../../x.npy")), "file"),
    "an unknown key": (lambda d: sign(d, lambda m: m.update(more=1)), "more"),
    "a field uncovered": (lambda d: sign(d, lambda m: m["blocks"].pop()), "do not cover"),
    "blocks that overlap": (lambda d: sign(d, lambda m: m["blocks"][1].update(start=[0, 2])), "do not cover"),
    "a field of objects": (lambda d: sign(d, lambda m: m["fields"]["u"].update(dtype="|O")), "dtype"),
    "another shape": (lambda d: sign(d, lambda m: m["fields"]["u"].update(shape=[4, 60])), "do not cover"),
    "a time of never": (lambda d: sign(d, lambda m: m.update(time=float("nan"))), "manifest.json"),
}


@pytest.mark.parametrize(("damage", "named"), DAMAGES.values(), ids=DAMAGES)
def test_damage_is_seen_and_named_and_the_one_before_is_used(
    store: Store, damage: Callable[[Path], Any], named: str, capsys: Capture
) -> None:
    write(store, 1, {"u": values(1, (4, 6))}, (2, 2))
    damage(write(store, 2, {"u": values(2, (4, 6))}, (1, 2)))
    found = store.newest()
    said = capsys.readouterr().err
    assert found is not None and found.manifest.step == 1
    assert said.startswith("sim: warning: ") and said.count("\n") == 1
    assert named in said and str(store.folder / "2") in said
    np.testing.assert_array_equal(found.read("u", (slice(0, 4), slice(0, 6))), values(1, (4, 6)))
    # It counts for nothing when the last two are kept, and makes room for what should have been in it.
    damage(write(store, 3, {"u": values(3, (4, 6))}, (1, 2)))
    assert sorted(entry.name for entry in store.folder.iterdir()) == ["1", "3"]
    found = store.newest()
    assert found is not None and found.manifest.step == 1
    write(store, 2, {"u": values(4, (4, 6))}, (2, 1))
    assert sorted(entry.name for entry in store.folder.iterdir()) == ["1", "2"]
    again = store.newest()
    assert again is not None and again.manifest.step == 2
    np.testing.assert_array_equal(again.read("u", (slice(0, 4), slice(0, 6))), values(4, (4, 6)))


def test_where_all_are_damaged_nothing_is_made_up(store: Store) -> None:
    for step in (1, 2):
        flip(write(store, step, {"u": values(step, (4, 6))}, (1, 1)) / "u-0-0.npy", -1)
    with pytest.raises(SimError) as caught:
        store.newest()
    assert "no checkpoint in" in str(caught.value)
    assert all(str(store.folder / step / "u-0-0.npy") in str(caught.value) for step in "12")


def mutations(text: bytes, dice: random.Random, count: int) -> Iterator[bytes]:
    for _ in range(count):
        content = bytearray(text)
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(content))
            match dice.randrange(4):
                case 0:
                    content[at] = dice.randrange(256)
                case 1:
                    del content[at : at + dice.randint(1, 30)]
                case 2:
                    content[at:at] = content[dice.randrange(len(content)) :][: dice.randint(1, 30)]
                case 3:
                    content[at : at + 1] = dice.choice([b"null", b"-1", b"1e999", b"{}", b"[", b'"', b"9" * 30])
            content = content or bytearray(b"0")
        yield bytes(content)


@pytest.mark.parametrize("signed", [False, True], ids=["as it is", "digest made anew"])
def test_mutated_manifests_are_refused_or_say_the_same(store: Store, signed: bool) -> None:
    from sim.checkpoint.manifest import _digest

    folder = write(store, 2, {"u": values(2, (4, 6)), "v": values(2, (4, 6))}, (1, 2))
    whole = read_manifest(folder)
    text = (folder / "manifest.json").read_bytes()
    count, refused = 20_000, 0
    for mutated in mutations(text, random.Random(count), count):
        if signed:
            try:
                content = json.loads(mutated)["manifest"]
                mutated = json.dumps({"sha256": _digest(content), "manifest": content}).encode()
            except (ValueError, KeyError, TypeError, RecursionError):
                continue
        try:
            found = parse_manifest(mutated, "it")
        except DamageError:
            refused += 1
        else:
            assert signed or found == whole
    assert refused > count / 20


def test_mutated_blocks_are_refused(store: Store) -> None:
    write(store, 1, {"u": values(1, (4, 6))}, (1, 1))
    folder = write(store, 2, {"u": values(2, (4, 6))}, (1, 1))
    path = folder / "u-0-0.npy"
    text = path.read_bytes()
    for mutated in mutations(text, random.Random(1), 300):
        path.write_bytes(mutated)
        found = store.newest()
        assert found is not None and found.manifest.step == (2 if mutated == text else 1)


# --------------------------------------------------------------------------------------------- disks that are full

FULL = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.sim.test_checkpoint import values, write
from sim.checkpoint.store import Store
from sim.errors import SimError
from sim.team import Solo
store = Store(Path(sys.argv[2]), Solo(), keep=2)
if limit := int(sys.argv[3]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
try:
    write(store, 3, {"u": values(3, (200, 400))}, (2, 1))
except SimError as error:
    print(error)
    sys.exit(2)
"""


def fill(folder: Path, limit: int) -> subprocess.CompletedProcess[str]:
    root = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", FULL, root, str(folder), str(limit)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, env=with_our_package(os.environ), check=False
    )


def check_full(store: Store, done: subprocess.CompletedProcess[str], reason: str) -> None:
    assert done.returncode == 2, done.stderr
    assert reason in done.stdout and "can't be written" in done.stdout and "sim resume" in done.stdout
    assert sorted(entry.name for entry in store.folder.iterdir()) == ["1", "2"]
    found = store.newest()
    assert found is not None and found.manifest.step == 2


@pytest.mark.parametrize("limit", [1, 100_000, 320_000])
def test_a_limit_on_the_size_of_files(store: Store, limit: int) -> None:
    for step in (1, 2):
        write(store, step, {"u": values(step, (4, 6))}, (1, 1))
    check_full(store, fill(store.folder, limit), "File too large")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with small_file_system(tmp_path / "disk", "500k") as place:
        yield place


def test_a_full_disk(small_disk: Path) -> None:
    store = Store(small_disk / "checkpoints", Solo(), keep=2)
    for step in (1, 2):
        write(store, step, {"u": values(step, (4, 6))}, (1, 1))
    check_full(store, fill(store.folder, 0), "No space left on device")
