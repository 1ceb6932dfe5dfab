"""Damage, by chance but the same each time: what fuzzers do to a text."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

# What has broken readers before: extremes, other types, attempts at more than a case may do.
TOKENS = (
    *("0", "-1", "1e308", "1e-320", "1e999", "nan", "inf", "-inf", "9223372036854775808", "2147483648", "0.1", "1_0"),
    *("true", "''", '"x"', "[]", "[1, 2]", "{}", "{ file = '/etc/passwd' }", "{ file = '../../x.h5' }"),
    *('"periodic"', '"x**x**x**99"', "\"__import__('os')\"", '"sin("', '"' + "(" * 60 + '"', '"\u00b2"', "\x00"),
    *("=", "[", "]", "\n", "#", ".", "[[grid]]", "[x.y.z]", "grid", "cells", "u", "-", "2020-01-01"),
)


def mutations(text: str, count: int, seed: int, tokens: Sequence[str] = TOKENS) -> Iterator[str]:
    """`count` texts, each `text` with a few changes: characters and lines dropped, doubled, swapped, replaced."""
    chance = random.Random(seed)
    for _ in range(count):
        mutated = text
        for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
            mutated = chance.choice(_WAYS)(mutated, chance, tokens)
        yield mutated


def _replace_value(text: str, chance: random.Random, tokens: Sequence[str]) -> str:
    """What stands behind some equals sign, replaced by a token."""
    signs = [index for index, c in enumerate(text) if c == "="]
    if not signs:
        return _insert(text, chance, tokens)
    start = chance.choice(signs) + 1
    ends = [text.find(c, start) for c in ",}\n"]
    end = min((e for e in ends if e >= 0), default=len(text))
    return f"{text[:start]} {chance.choice(tokens)} {text[end:]}"


def _insert(text: str, chance: random.Random, tokens: Sequence[str]) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice(tokens) + text[at:]


def _drop(text: str, chance: random.Random, _: Sequence[str]) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + text[at + chance.choice((1, 1, 3, 20)) :]


def _swap(text: str, chance: random.Random, _: Sequence[str]) -> str:
    at = chance.randrange(len(text) + 1)
    return text[:at] + chr(chance.choice((9, 32, 34, 39, 42, 48, 57, 91, 123, 233, 0x2028))) + text[at + 1 :]


def _double_line(text: str, chance: random.Random, _: Sequence[str]) -> str:
    lines = text.splitlines(keepends=True) or [text]
    at = chance.randrange(len(lines))
    return "".join([*lines[:at], lines[at], *lines[at:]])


def _drop_line(text: str, chance: random.Random, _: Sequence[str]) -> str:
    lines = text.splitlines(keepends=True) or [text]
    del lines[chance.randrange(len(lines))]
    return "".join(lines)


_WAYS = (_replace_value, _replace_value, _insert, _drop, _swap, _double_line, _drop_line)
