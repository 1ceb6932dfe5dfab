"""Which cells of a domain a part of an expression is for."""

from __future__ import annotations

import itertools

from solvers.cellwise.index import Index, without


def test_parts_of_a_domain() -> None:
    for sign, offset, first, until in itertools.product((1, -1), range(-4, 12), range(-2, 9), range(-1, 10)):
        domain = ((1, 7), (0, 3))
        index = Index(0, sign, offset)
        wanted = {cell for cell in range(1, 7) if first <= sign * cell + offset < until}
        part = index.within(first, until, domain)
        assert set(range(*part[0]) if part else ()) == wanted
        if part is not None:
            assert set(range(1, 7)) - wanted <= set(range(*without(domain, part)[0]))
    low, high = Index(1, -1, 5).limits(((0, 1), (2, 6)))
    assert (low, high) == (0, 3) and Index(None, 0, 4).limits(((0, 1),)) == (4, 4)
