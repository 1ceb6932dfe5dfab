"""[ensemble]: many runs as one, which differ in numbers of the equation and in initial fields."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal, TypeAlias

import numpy as np
from pydantic import Discriminator, Field, Tag, model_validator

from sim.case.source import Source
from sim.case.table import Finite, Positive, Table
from sim.case.words import Text

_MOST_MEMBERS = 4096
# TOML has lists, and no tuples.
_Pair: TypeAlias = Annotated[tuple[Finite, Finite], Field(strict=False)]
_PositivePair: TypeAlias = Annotated[tuple[Positive, Positive], Field(strict=False)]


class Distribution(Table):
    """What a number is drawn from: exactly one."""

    uniform: _Pair | None = Field(None, description="lower and upper bound")
    normal: _Pair | None = Field(None, description="mean and standard deviation")
    loguniform: _PositivePair | None = Field(None, description="bounds, between which the logarithm is uniform")

    @model_validator(mode="after")
    def _one(self) -> Distribution:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give one of uniform, normal, loguniform; got {' and '.join(given) or 'none'}")
        for bounds in (self.uniform, self.loguniform):
            if bounds is not None and not bounds[0] < bounds[1]:
                raise ValueError(f"the upper bound must lie above the lower one; got {list(bounds)}")
        if self.normal is not None and not self.normal[1] >= 0:
            raise ValueError(f"a standard deviation is not negative; got {self.normal[1]:g}")
        return self

    def draw(self, random: np.random.Generator) -> float:
        if self.normal is not None:
            return float(random.normal(*self.normal))
        if self.uniform is not None:
            return float(random.uniform(*self.uniform))
        assert self.loguniform is not None
        lower, upper = map(math.log, self.loguniform)
        return math.exp(random.uniform(lower, upper))


def _tag(value: Any) -> str:
    return "distribution" if isinstance(value, (dict, Distribution)) else "list"


Variation: TypeAlias = Annotated[
    Annotated[list[Source], Tag("list")] | Annotated[Distribution, Tag("distribution")], Discriminator(_tag)
]
"""What a key becomes: one value after the other, or one drawn for each member."""


class EnsembleTable(Table):
    """The members of a run, numbered from 0, in the order of `assignments`."""

    kind: Literal["zip", "product", "samples"] = Field(
        "zip", description="of the lists the n-th values together, all combinations, or numbers drawn"
    )
    vary: dict[Text, Variation] = Field(
        min_length=1, description="by key, such as equation.alpha or initial.u: a list, or of samples a distribution"
    )
    count: int | None = Field(None, ge=1, le=_MOST_MEMBERS, description="members of kind samples")
    seed: int = Field(0, ge=0, lt=2**63, description="of the numbers drawn: the same seed, the same members")

    @model_validator(mode="after")
    def _of_its_kind(self) -> EnsembleTable:
        samples = self.kind == "samples"
        if samples != (self.count is not None):
            raise ValueError("count is for kind samples, which needs it; lists have a length")
        for key, values in self.vary.items():
            if isinstance(values, list) == samples:
                wanted = "a distribution, such as { uniform = [0.0, 1.0] }" if samples else "a list of values"
                raise ValueError(f"vary.{key}: kind {self.kind} takes {wanted}")
            if values == []:
                raise ValueError(f"vary.{key} is an empty list; give it a value for each member")
        lengths = {key: len(values) for key, values in self._lists.items()}
        if self.kind == "zip" and len(set(lengths.values())) > 1:
            found = ", ".join(f"{key} has {n}" for key, n in lengths.items())
            raise ValueError(f'kind zip takes lists of one length, and {found}; or use kind = "product"')
        if self.members > _MOST_MEMBERS:
            raise ValueError(f"at most {_MOST_MEMBERS} members; these would be {self.members}")
        return self

    @property
    def _lists(self) -> dict[str, list[Any]]:
        return {key: values for key, values in self.vary.items() if isinstance(values, list)}

    @property
    def members(self) -> int:
        """How many there are."""
        if self.count is not None:
            return self.count
        lengths = [len(values) for values in self._lists.values()]
        return math.prod(lengths) if self.kind == "product" else lengths[0]

    def assignments(self) -> Iterator[dict[str, Source]]:
        """What each member has for the keys; of a product the last key varies fastest.

        Numbers are drawn member by member: more members do not change those before them.
        """
        random = np.random.default_rng(self.seed)
        if self.count is not None:
            for _ in range(self.count):
                yield {key: d.draw(random) for key, d in self.vary.items() if isinstance(d, Distribution)}
            return
        lists = self._lists
        combined = itertools.product(*lists.values()) if self.kind == "product" else zip(*lists.values(), strict=True)
        for values in combined:
            yield dict(zip(lists, values, strict=True))
