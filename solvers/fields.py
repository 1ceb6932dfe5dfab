"""What the loops carry: the fields of an equation, by name."""

from __future__ import annotations

from typing import TypeAlias

import jax

Fields: TypeAlias = dict[str, jax.Array]
"""Name → ghosted block, or (as a coefficient) name → scalar.  A dict is a pytree: jit, donation and
shard_map see through it."""
