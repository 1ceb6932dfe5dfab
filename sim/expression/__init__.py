"""Formulas in a case → functions, by a whitelist over the syntax tree; the text is never executed.

`ast.parse` only reads.  Every node of its tree must be on a list, and what is on the list becomes one of four
small nodes of our own (number, variable, comparison, operation of a table): those are evaluated.
"""

from sim.expression.formula import Formula
from sim.expression.reader import MAX_DEPTH, MAX_EXPONENT, MAX_LENGTH, FormulaError
from sim.expression.rightside import RightSide

__all__ = ["MAX_DEPTH", "MAX_EXPONENT", "MAX_LENGTH", "Formula", "FormulaError", "RightSide"]
