"""Checkpoints of known values."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from sim.checkpoint.store import Content, Store
from sim.topology import Topology


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
