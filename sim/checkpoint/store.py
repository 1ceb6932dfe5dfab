"""The checkpoints of a run: each there and whole, or not there; the newest that can be trusted."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from sim.checkpoint.blockfile import read_part, verify_block, write_block
from sim.checkpoint.manifest import (
    MANIFEST,
    BlockEntry,
    DamageError,
    FieldEntry,
    Manifest,
    describe,
    parse_manifest,
    read_manifest,
)
from sim.errors import SimError
from sim.failpoints import reach
from sim.output.durable import make_folder, sync, write_text
from sim.output.rundir import resuming
from sim.team import Team, agreement, on_root
from sim.topology import Box, box_shape

T = TypeVar("T")

Blocks = Mapping[str, Iterable[tuple[Box, np.ndarray]]]
"""Of each field, the blocks that live in this process with their global cells."""


@dataclass(frozen=True)
class Content:
    """What a checkpoint says besides its blocks."""

    step: int
    time: float
    shapes: Mapping[str, tuple[int, ...]]
    state: Mapping[str, Any]
    case: Mapping[str, Any]
    inputs: Mapping[str, str]
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Checkpoint:
    """A verified checkpoint, to be read in parts by whoever needs them."""

    folder: Path
    manifest: Manifest

    def read(self, name: str, box: Box) -> np.ndarray:
        """The cells of field `name` in a box, of its own dtype; only those are read.

        Raises SimError where a block has gone or changed since it was verified, and for an unknown field.
        """
        if name not in self.manifest.fields:
            held = ", ".join(self.manifest.fields)
            raise SimError(f"the checkpoint {self.folder} holds no field {name}, only {held}: it is another equation's")
        field = self.manifest.fields[name]
        values = np.empty(box_shape(box), np.dtype(field.dtype))
        try:
            for entry, part in _overlaps(self.manifest.of_field(name), box):
                inside = tuple(slice(p.start - b.start, p.stop - b.start) for p, b in zip(part, box, strict=True))
                values[inside] = read_part(self.folder, entry, field, part)
        except DamageError as damage:
            raise SimError(f"{damage}, though it was a moment ago; has somebody changed it?") from None
        return values


class Store:
    """The folder of a run's checkpoints, one a step: checkpoints/<step>/.  All methods are collective.

    A new one is written under a temporary name, each rank its own blocks, each synced; when all ranks have
    agreed that theirs are on disk, rank 0 adds the manifest, syncs, renames the folder and syncs its parent.
    Only then are older ones removed.  So whatever is killed, whenever, the last whole one is still there.
    """

    def __init__(self, folder: Path, team: Team, keep: int) -> None:
        self.folder = folder
        self._team = team
        self._keep = keep
        self._damaged: set[int] = set()

    def write(self, content: Content, blocks: Blocks) -> Path:
        """Returns the new checkpoint's folder.  Raises SimError, on all ranks alike, where it can't be written."""
        part = self.folder / f".{content.step}.part"
        try:
            on_root(self._team, lambda: self._writing(lambda: self._begin(part)))
            with agreement(self._team):
                entries, fields = self._writing(lambda: _write_blocks(part, content.shapes, blocks))
            gathered = self._team.gather([entry.model_dump(mode="json") for entry in entries])
            reach("blocks agreed")
            listed = [BlockEntry.model_validate(_as_tuples(entry)) for theirs in gathered for entry in theirs]
            on_root(self._team, lambda: self._writing(lambda: self._publish(part, _manifest(content, fields, listed))))
        except SimError:
            on_root(self._team, lambda: shutil.rmtree(part, ignore_errors=True))
            raise
        return self.folder / str(content.step)

    def newest(self) -> Checkpoint | None:
        """The newest checkpoint that is whole, every byte of it verified; None where none was ever made.

        Says on stderr which ones are not, and why.  Raises SimError where there are some and none is whole.
        """
        damages = []
        for step in on_root(self._team, self._steps_to_read):
            try:
                return self.verified(step)
            except DamageError as damage:
                damages.append(str(damage))
                self._damaged.add(step)
                self._say(f"sim: warning: {damage}; going back to the checkpoint before")
        if damages:
            raise SimError("\n  ".join([f"no checkpoint in {self.folder} can be used:", *damages]))
        return None

    def verified(self, step: int, values: bool = True) -> Checkpoint:
        """One of them, its manifest read by rank 0, its blocks verified by all ranks, each its share.

        Without `values` only the blocks' sizes are looked at.  Raises DamageError on all ranks alike.
        """
        folder = self.folder / str(step)
        text, damage = self._team.broadcast(_manifest_text(folder) if self._team.rank == 0 else None)
        if damage:
            raise DamageError(damage)
        manifest = parse_manifest(text.encode(), str(folder / MANIFEST))
        found = []
        for entry in manifest.blocks[self._team.rank :: self._team.size]:
            try:
                verify_block(folder, entry, manifest.fields[entry.field], values)
            except DamageError as damage:
                found.append(str(damage))
        if everybodys := [damage for theirs in self._team.gather(found[:3]) for damage in theirs]:
            raise DamageError("; ".join(everybodys[:3]))
        return Checkpoint(folder, manifest)

    def steps(self) -> list[int]:
        """Of all that has a checkpoint's name, the newest first."""
        if not self.folder.is_dir():
            return []
        names = (entry.name for entry in self.folder.iterdir())
        return sorted((int(name) for name in names if re.fullmatch(r"[0-9]{1,18}", name)), reverse=True)

    def _steps_to_read(self) -> list[int]:
        try:
            return self.steps()
        except OSError as error:
            raise SimError(f"the checkpoints in {self.folder} can't be read: {error.strerror}") from None

    def _begin(self, part: Path) -> None:
        """Clear away what a killed writer left, and make room for the new one."""
        make_folder(self.folder)
        for entry in self.folder.iterdir():
            if re.fullmatch(r"\.[0-9]+\.(part|old)", entry.name):
                shutil.rmtree(entry)
        part.mkdir()
        reach("checkpoint begun")

    def _publish(self, part: Path, manifest: Manifest) -> None:
        write_text(part / MANIFEST, manifest.to_text())
        reach("checkpoint synced")
        # What was found damaged counts for nothing.  It may have had this very step.
        for step in self._damaged.intersection(self.steps()):
            self._remove(step)
        os.rename(part, self.folder / str(manifest.step))
        reach("checkpoint renamed")
        sync(self.folder)
        reach("checkpoint published")
        for step in self.steps()[self._keep :]:
            self._remove(step)

    def _remove(self, step: int) -> None:
        """Under its name a checkpoint is whole to the last."""
        aside = self.folder / f".{step}.old"
        os.rename(self.folder / str(step), aside)
        reach("old checkpoint set aside")
        shutil.rmtree(aside)
        reach("old checkpoint removed")

    def _writing(self, action: Callable[[], T]) -> T:
        try:
            return action()
        except OSError as error:
            reason = error.strerror or str(error)
            raise SimError(
                f"a checkpoint in {self.folder} can't be written: {reason}; the one before is as it was: "
                f"free space, then go on with: {resuming(self.folder.parent)}"
            ) from None

    def _say(self, message: str) -> None:
        if self._team.rank == 0:
            print(message, file=sys.stderr, flush=True)


def _write_blocks(
    part: Path, shapes: Mapping[str, tuple[int, ...]], blocks: Blocks
) -> tuple[list[BlockEntry], dict[str, FieldEntry]]:
    part.mkdir(exist_ok=True)  # asked again here, a file server shows a folder that another node made
    entries, fields = [], {}
    for name, mine in blocks.items():
        for box, block in mine:
            fields[name] = describe(block.dtype, shapes[name])
            # Devices beyond the members of an ensemble hold none.
            if block.size:
                entries.append(write_block(part, name, box, block))
    return entries, fields


def _manifest(content: Content, fields: dict[str, FieldEntry], blocks: list[BlockEntry]) -> Manifest:
    return Manifest(
        step=content.step,
        time=content.time,
        fields=fields,
        blocks=tuple(blocks),
        state=dict(content.state),
        case=dict(content.case),
        inputs=dict(content.inputs),
        versions=dict(content.versions),
    )


def _manifest_text(folder: Path) -> tuple[str, str]:
    """The text of a manifest that is whole, or what is wrong with it."""
    try:
        return read_manifest(folder).to_text(), ""
    except DamageError as damage:
        return "", str(damage)


def _as_tuples(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}


def _overlaps(entries: Iterable[BlockEntry], box: Box) -> Iterator[tuple[BlockEntry, Box]]:
    """The blocks that share cells with a box, and those cells."""
    for entry in entries:
        part = tuple(
            slice(max(b.start, low), min(b.stop, high))
            for b, low, high in zip(box, entry.start, entry.stop, strict=True)
        )
        if all(p.start < p.stop for p in part):
            yield entry, part
