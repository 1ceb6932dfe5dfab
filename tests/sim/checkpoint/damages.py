"""What may become of a checkpoint's files."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


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
