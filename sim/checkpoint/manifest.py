"""The manifest: what a checkpoint holds, where, and how to know that it is whole."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sim.topology import Box

MANIFEST = "manifest.json"
_LARGEST_FILE = 1 << 28

Count = Annotated[int, Field(ge=0)]


class DamageError(Exception):
    """A checkpoint that must not be used: which part of it, and why."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class FieldEntry(_Entry):
    """One field: its type in numpy's letters, little-endian, and its global shape."""

    dtype: str = Field(pattern=r"^(<[fiu][248]|\|[iu]1)$")
    shape: tuple[Annotated[int, Field(ge=1)], ...] = Field(min_length=1, max_length=8)


class BlockEntry(_Entry):
    """One block of a field: its file, its global cells, and the SHA-256 of the whole file."""

    field: str
    file: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,120}\.npy$")
    start: tuple[Count, ...]
    stop: tuple[Count, ...]
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    @property
    def box(self) -> Box:
        return tuple(slice(low, high) for low, high in zip(self.start, self.stop, strict=True))


class Manifest(_Entry):
    """All that a checkpoint holds.

    `state` is what the run itself wants back, in JSON's types; `inputs` the SHA-256 of the files that its case names.
    """

    format: Literal["halostep checkpoint 1"] = "halostep checkpoint 1"
    step: Count
    time: float = Field(allow_inf_nan=False)
    fields: dict[str, FieldEntry]
    blocks: tuple[BlockEntry, ...]
    state: dict[str, Any]
    case: dict[str, Any]
    inputs: dict[str, str]
    versions: dict[str, str]

    def of_field(self, name: str) -> list[BlockEntry]:
        return [block for block in self.blocks if block.field == name]

    def to_text(self) -> str:
        """The manifest as JSON, with the digest by which it is known to be whole."""
        content = self.model_dump(mode="json")
        return json.dumps({"sha256": _digest(content), "manifest": content}, indent=1, allow_nan=False) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a checkpoint, verified, each of its fields covered by its blocks.  Raises DamageError."""
    path = folder / MANIFEST
    try:
        check_regular(path)
        if path.stat().st_size > _LARGEST_FILE:
            raise DamageError(f"{path} has {path.stat().st_size} bytes, which no manifest has")
        return parse_manifest(path.read_bytes(), str(path))
    except OSError as error:
        raise DamageError(f"{path} can't be read: {error.strerror or error}") from None


def check_regular(path: Path) -> None:
    """Raise DamageError for what is there and no file: reading a pipe would wait for ever."""
    if path.exists() and not path.is_file():
        raise DamageError(f"{path} is no regular file")


def parse_manifest(text: bytes, origin: str) -> Manifest:
    """Raises DamageError where the text is no manifest, or not the one that was written."""
    try:
        outer = json.loads(text)
        expected, content = outer["sha256"], outer["manifest"]
        if _digest(content) != expected:
            raise DamageError(f"{origin} is not what was written: its SHA-256 does not match")
        manifest = Manifest.model_validate_json(json.dumps(content))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        raise DamageError(f"{origin} is no checkpoint of this program: {where}: {first['msg']}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DamageError(f"{origin} is no manifest of a checkpoint") from None
    for name, entry in manifest.fields.items():
        if not _tiled(entry.shape, manifest.of_field(name)):
            raise DamageError(f"{origin}: the blocks of {name} do not cover its {entry.shape} cells")
    if not {block.field for block in manifest.blocks} <= manifest.fields.keys():
        raise DamageError(f"{origin} lists blocks of fields that it doesn't describe")
    if len({block.file for block in manifest.blocks}) != len(manifest.blocks):
        raise DamageError(f"{origin} lists one file for two blocks")
    return manifest


def _tiled(shape: Sequence[int], blocks: Sequence[BlockEntry]) -> bool:
    """Whether blocks cover a box once, cut by planes through all of it, as a process grid cuts."""
    if any(len(block.start) != len(shape) or len(block.stop) != len(shape) for block in blocks):
        return False
    parts = []
    for axis, cells in enumerate(shape):
        cuts = sorted({(block.start[axis], block.stop[axis]) for block in blocks})
        ends = [0, *(stop for _, stop in cuts)]
        if [start for start, _ in cuts] != ends[:-1] or ends[-1] != cells or any(a >= b for a, b in cuts):
            return False
        parts.append(len(cuts))
    return len({block.start for block in blocks}) == len(blocks) == math.prod(parts)


def describe(dtype: np.dtype[Any], shape: Sequence[int]) -> FieldEntry:
    return FieldEntry(dtype=dtype.newbyteorder("<").str, shape=tuple(shape))


def _digest(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
