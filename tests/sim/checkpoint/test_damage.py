"""Damage is seen and named, and the checkpoint before is used."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.checkpoint.manifest import DamageError, parse_manifest, read_manifest
from sim.checkpoint.store import Store
from sim.errors import SimError
from tests.sim.checkpoint.damages import DAMAGES, flip
from tests.sim.checkpoint.stored import values, write

Capture = pytest.CaptureFixture[str]


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
