"""Which cells of an array: of each axis an affine function of a tile's cells."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

Domain: TypeAlias = tuple[tuple[int, int], ...]
"""Of each axis of the tiles the cells [first, until) for which a value is wanted."""


class Index(NamedTuple):
    """sign · cell + offset, of the cells along an axis of the tiles; without an axis the offset alone."""

    axis: int | None
    sign: int
    offset: int

    def shifted(self, by: int) -> Index:
        return self._replace(offset=self.offset + by)

    def mirrored(self, count: int) -> Index:
        """From the other end of `count` cells."""
        return Index(self.axis, -self.sign, count - 1 - self.offset)

    def limits(self, domain: Domain) -> tuple[int, int]:
        """The least value and the largest."""
        if self.axis is None:
            return self.offset, self.offset
        first, until = domain[self.axis]
        ends = self.sign * first + self.offset, self.sign * (until - 1) + self.offset
        return min(ends), max(ends)

    def within(self, first: int, until: int, domain: Domain) -> Domain | None:
        """That part of the domain whose index is in [first, until); None where there is none."""
        low, high = self.limits(domain)
        if low >= first and high < until:
            return domain
        if until <= first or high < first or low >= until or self.axis is None:
            return None
        ends = sorted(self.sign * (bound - self.offset) for bound in (first, until - 1))
        least, most = domain[self.axis]
        return _with(domain, self.axis, (max(least, ends[0]), min(most, ends[1] + 1)))


HERE = Index(None, 0, 0)
"""The only cell of an axis."""


def _with(domain: Domain, axis: int, cells: tuple[int, int]) -> Domain:
    return (*domain[:axis], cells, *domain[axis + 1 :])


def without(domain: Domain, part: Domain) -> Domain:
    """What is left of a domain without that part of it; all of it where that is no domain."""
    cut = [axis for axis, (whole, some) in enumerate(zip(domain, part, strict=True)) if whole != some]
    if len(cut) != 1:
        return domain
    (axis,) = cut
    (first, until), (begin, end) = domain[axis], part[axis]
    if begin == first:
        return _with(domain, axis, (end, until))
    return _with(domain, axis, (first, begin)) if end == until else domain
