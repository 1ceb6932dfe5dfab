"""What a formula becomes: a number, a variable, a comparison, or an operation of the table."""

from __future__ import annotations

from dataclasses import dataclass

from sim.expression.words import CONDITIONS


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Variable:
    name: str


@dataclass(frozen=True, slots=True)
class Operation:
    op: str
    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """args[0] ops[0] args[1] ops[1] args[2] …, each argument evaluated once."""

    ops: tuple[str, ...]
    args: tuple[Node, ...]


Node = Number | Variable | Operation | Comparison


def is_condition(node: Node) -> bool:
    return isinstance(node, Comparison) or (isinstance(node, Operation) and node.op in CONDITIONS)


def names_in(node: Node) -> frozenset[str]:
    if isinstance(node, Variable):
        return frozenset({node.name})
    args = () if isinstance(node, Number) else node.args
    return frozenset[str]().union(*(names_in(arg) for arg in args))
