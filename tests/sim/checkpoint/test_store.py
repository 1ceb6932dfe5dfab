"""Checkpoints are whole or not there, whatever cut wrote them and whatever cut reads them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sim.checkpoint.blockfile import file_name
from sim.checkpoint.manifest import BlockEntry
from sim.checkpoint.store import Store
from sim.errors import SimError
from sim.topology import Topology
from tests.sim.checkpoint.stored import values, write


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
